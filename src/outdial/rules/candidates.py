"""The weighted draw (SPEC 3.5, ROTATION.md): numbers with room, in proportion to operator's weight, type and share.

    probability ~ base weight x type weight x ((1 - floor) x w / sum of w + floor / n)

with n and the sum taken over the candidates with room. What is busy is busy by connection, so the candidates lie
connection by connection with running sums of `base x type x w` and of `base x type`: leaving busy connections out is a
sum over connections, and one random number finds the member by bisection. A pool of 1,000 costs little more than one of 10.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from outdial.rules.ids import ConnectionId
from outdial.rules.policy import RotationParams, SelectionPolicy
from outdial.rules.pool import Member, NumberType
from outdial.rules.rotation import shares_of_weights


class Drawn(NamedTuple):
    """The number drawn, out of how many, and how probable it was."""

    member: Member
    probability: float
    out_of: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The candidates of one connection, [first, end), and their sums."""

    connection: ConnectionId
    first: int
    end: int
    rotation: float
    factor: float
    factor_x_rotation: float


def factor_of(member: Member, policy: SelectionPolicy) -> float:
    """Operator's base weight times number-type weight; 0 removes the number from every draw."""
    match member.number_type:
        case NumberType.TOLL_FREE:
            return member.base_weight * policy.toll_free_weight
        case NumberType.MOBILE:
            return member.base_weight * policy.mobile_weight
        case NumberType.LONG_CODE:
            return member.base_weight * policy.long_code_weight


class Candidates:
    """The members of one tier that may be drawn: eligible, with a factor above 0, without those that rest (if asked)."""

    __slots__ = (
        "_factor_sums",
        "_factors",
        "_params",
        "_product_sums",
        "_stretches",
        "connections",
        "members",
    )

    def __init__(self, members: Sequence[tuple[Member, float]], params: RotationParams) -> None:
        """`members` with their factors, all above 0."""
        in_order = sorted(members, key=lambda pair: pair[0].connection)
        self.members = tuple(member for member, _ in in_order)
        self._factors = tuple(factor for _, factor in in_order)
        self._params = params
        self._factor_sums: list[float] = []
        self._product_sums: list[float] = []
        self._stretches: list[_Stretch] = []
        first = 0
        while first < len(in_order):
            first = self._append_stretch(in_order, first)
        self.connections = frozenset(stretch.connection for stretch in self._stretches)

    def _append_stretch(self, in_order: Sequence[tuple[Member, float]], first: int) -> int:
        """Running sums start anew in each stretch, so that no digits are lost to those before. Returns its end."""
        connection = in_order[first][0].connection
        end = first
        while end < len(in_order) and in_order[end][0].connection == connection:
            end += 1
        own = in_order[first:end]
        self._factor_sums += accumulate(factor for _, factor in own)
        self._product_sums += accumulate(factor * member.rotation_weight for member, factor in own)
        rotation = sum(member.rotation_weight for member, _ in own)
        sums = (rotation, self._factor_sums[-1], self._product_sums[-1])
        self._stretches.append(_Stretch(connection, first, end, *sums))
        return end

    def draw(self, u: float, busy: Collection[ConnectionId]) -> Drawn | None:
        """The member that the random number `u` in [0, 1) stands for; None = every candidate's connection is busy."""
        stretches: Sequence[_Stretch] = self._stretches
        if busy:
            stretches = [stretch for stretch in stretches if stretch.connection not in busy]
        if not stretches:
            return None
        if self._params.max_share is not None:
            return self._draw_capped(u, stretches)
        return self._draw(u, stretches)

    def _draw(self, u: float, stretches: Sequence[_Stretch]) -> Drawn:
        count, rotation, factor, factor_x_rotation = 0, 0.0, 0.0, 0.0
        for stretch in stretches:
            count += stretch.end - stretch.first
            rotation += stretch.rotation
            factor += stretch.factor
            factor_x_rotation += stretch.factor_x_rotation
        by_rotation = (1.0 - self._params.floor) / rotation
        evenly = self._params.floor / count
        total = by_rotation * factor_x_rotation + evenly * factor
        left = u * total
        for stretch in stretches:
            mass = by_rotation * stretch.factor_x_rotation + evenly * stretch.factor
            if left < mass:
                break
            left -= mass
        sums, products = self._factor_sums, self._product_sums
        found = bisect_right(
            range(stretch.first, stretch.end), left, key=lambda i: by_rotation * products[i] + evenly * sums[i]
        )
        at = min(stretch.first + found, stretch.end - 1)  # rounding may leave `left` a hair beyond the last sum
        weight = by_rotation * products[at] + evenly * sums[at]
        if at > stretch.first:
            weight -= by_rotation * products[at - 1] + evenly * sums[at - 1]
        return Drawn(self.members[at], weight / total, count)

    def _draw_capped(self, u: float, stretches: Sequence[_Stretch]) -> Drawn:
        """With a highest share every share depends on all others: they are computed one by one."""
        members = [
            (self.members[i], self._factors[i]) for stretch in stretches for i in range(stretch.first, stretch.end)
        ]
        shares = shares_of_weights({member.number: member.rotation_weight for member, _ in members}, self._params)
        sums = list(accumulate(factor * shares[member.number] for member, factor in members))
        found = min(bisect_right(sums, u * sums[-1]), len(members) - 1)
        weight = sums[found] - (sums[found - 1] if found else 0.0)
        return Drawn(members[found][0], weight / sums[-1], len(members))
