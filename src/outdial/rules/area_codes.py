"""NANP area codes that overlay one another: they are the same area (SPEC 3.4).

Established from the public overlay assignments of the North American Numbering Plan Administrator and the Canadian
Numbering Administrator and the decisions of state commissions, as far as they are in service or have a date up to
February 2027. Checked in November 2026: the administrator's list of codes in service (July 2026) has no code that is
neither here nor the only one of its area, and libphonenumber 9.0.43 puts all codes of a group into one state or province.

The first code of a group, usually the oldest, stands for all of it. Where an overlay lies over several old areas that
are one town or one relief plan (Atlanta, Chicago, Dallas, Houston, Pittsburgh, Alberta, British Columbia), all of them
are one area. Three overlays reach into areas that stay apart, and stand with the area that they were opened for: 917
(Manhattan, not 718), 564 (360, not Seattle, where it is assigned since 2025), and 321 stands alone (Brevard County,
beside 407).
"""

from __future__ import annotations

from typing import Final

_COMPLEXES: Final = """
Alabama:            205 659 / 256 938 / 334 483
Arizona:            602 480 623
Arkansas:           870 327
California:         209 350 / 213 323 738 / 310 424 / 408 669 / 415 628 / 510 341 / 530 837 / 559 357 / 619 858 /
                    707 369 / 714 657 / 760 442 / 805 820 / 818 747 / 909 840 / 916 279
Colorado:           303 720 983 / 970 748
Connecticut:        203 475 / 860 959
D.C., Maryland:     202 771 / 301 240 227 / 410 443 667
Florida:            305 786 645 / 407 689 / 561 728 / 813 656 / 850 448 / 904 324 / 954 754
Georgia:            404 770 678 470 943 / 706 762
Idaho:              208 986
Illinois:           217 447 / 309 861 / 312 773 872 / 618 730 / 630 331 / 708 464 / 815 779 / 847 224
Indiana:            317 463 / 812 930
Kentucky:           270 364
Louisiana:          318 457
Massachusetts:      508 774 / 617 857 / 781 339 / 978 351
Michigan:           248 947 / 313 679
Minnesota:          507 924
Mississippi:        601 769 / 662 471
Missouri:           314 557 / 573 235 / 816 975
Nebraska:           402 531
Nevada:             702 725
New Jersey:         201 551 / 609 640 / 732 848 / 973 862
New York:           212 332 646 917 / 718 347 929 465 / 315 680 / 516 363 / 518 838 / 631 934 / 716 624 / 845 329
North Carolina:     336 743 / 704 980 / 910 472 / 919 984
Ohio:               330 234 / 419 567 / 440 436 / 513 283 / 614 380 / 740 220 / 937 326
Oklahoma:           405 572 / 918 539
Oregon:             503 971 / 541 458
Pennsylvania:       215 267 445 / 412 724 878 / 570 272 / 610 484 835 / 717 223 / 814 582
South Carolina:     803 839 / 843 854 / 864 821
Tennessee:          423 729 / 615 629
Texas:              210 726 / 214 469 972 945 / 512 737 / 713 281 832 346 621 / 817 682 / 903 430
Utah:               801 385
Virginia:           540 826 / 703 571 / 757 948 / 804 686
Washington:         360 564
West Virginia:      304 681
Wisconsin:          608 353 / 715 534 / 920 274
Alberta:            403 780 587 825 368
British Columbia:   604 250 778 236 672 257
Manitoba:           204 431 584
New Brunswick:      506 428
Newfoundland:       709 879
Nova Scotia, P.E.I: 902 782
Ontario:            416 647 437 942 / 519 226 548 382 / 613 343 753 / 705 249 683 / 905 289 365 742
Quebec:             418 581 367 273 / 450 579 354 / 514 438 263 / 819 873 468
Saskatchewan:       306 639 474
Dominican Republic: 809 829 849
Jamaica:            876 658
Puerto Rico:        787 939
"""

_WITHOUT_PLACE: Final = frozenset({"600", "622", "633", "644", "655", "677", "688", "700", "710", "900"})
"""Codes of services, not of places, besides toll-free (8YY) and personal (5YY) ones."""
_TOLL_FREE: Final = frozenset({"800", "822", "833", "844", "855", "866", "877", "888"})
_PERSONAL: Final = frozenset(
    {"500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "532", "533", "535", "538", "542", "543",
     "544", "545", "546", "547", "549", "550", "552", "553", "554", "556", "566", "569", "577", "578", "588", "589"}
)  # fmt: skip


def areas_by_place() -> dict[str, tuple[tuple[str, ...], ...]]:
    """State, province or country -> its groups of codes that are one area; the first of each stands for all."""
    lines = _COMPLEXES.replace("\n ", " ").strip().splitlines()
    places = (line.partition(":") for line in lines)
    return {name: tuple(tuple(codes.split()) for codes in groups.split("/")) for name, _, groups in places}


def complexes() -> tuple[tuple[str, ...], ...]:
    """All groups of all places."""
    return tuple(group for groups in areas_by_place().values() for group in groups)


_AREA: Final = {code: group[0] for group in complexes() for code in group}


def is_geographic(code: str) -> bool:
    """Whether the area code stands for a place at all; toll-free, premium and personal ones do not."""
    return code not in _WITHOUT_PLACE and code not in _TOLL_FREE and code not in _PERSONAL


def area_of(code: str) -> str:
    """The code that stands for the area: 917 -> 212. A code without overlays stands for itself."""
    return _AREA.get(code, code)
