// Codes in plain words. A code that is not known yet is shown as it is, with its underscores as spaces.

const plain = (code) => (code === null || code === undefined ? "–" : String(code).replaceAll("_", " "));
const named = (words) => (code) => words[code] || plain(code);

export const blocker = named({
  in_line: "in line, next in turn",
  not_due: "not due yet",
  tenant_at_capacity: "the tenant is at capacity",
  campaign_at_capacity: "the campaign is at capacity",
  connections_at_capacity: "all connections are at capacity",
  sticky_number_busy: "their own number is busy",
  tier_busy: "the numbers that match are busy",
  pacing: "paced: the start rate is used up",
  campaign_paused: "the campaign is paused",
  tenant_paused: "the tenant is paused",
  outside_calling_hours: "outside calling hours",
  no_eligible_number: "no number may call",
  numbers_at_daily_cap: "the numbers are at their daily cap",
  carrier_backoff: "the carrier said: later",
  contact_in_call: "the contact is in another call",
});

export const dialling = named({
  dialling: "dialling",
  idle: "idle",
  waiting: "waiting for its time",
  held_up: "not dialling",
});

export const binding = named({
  connections: "its connections",
  tenant: "Tenant cap",
  campaign: "its own limit",
});

export const connectionState = named({
  open: "open",
  paused: "paused",
  circuit_open: "circuit open: its calls failed",
  backoff: "the carrier said: later",
  full: "full",
  at_capacity: "full",
  carrier_backoff: "the carrier said: later",
  pacing: "paced",
});

export const status = named({
  flagged: "spam-flagged",
  carrier_rejected: "refused by the carrier",
  daily_cap: "daily cap reached",
  warming_up: "warming up",
  over_budget: "over budget",
});

export const statusTone = (code) =>
  ({
    active: "good",
    warming_up: "info",
    resting: "warn",
    over_budget: "warn",
    daily_cap: "warn",
    paused: "warn",
    failing: "bad",
    flagged: "bad",
    carrier_rejected: "bad",
    inactive: "mute",
    released: "mute",
  })[code] || "mute";

export const state = named({
  placing: "being placed",
  placed: "under way",
  unconfirmed: "unconfirmed",
});

export const outcome = named({
  answered_human: "answered",
  answered_unknown: "answered",
  answered_machine: "answered by a machine",
  answered_fax: "answered by a fax",
  caller_id_rejected: "caller ID refused",
  app_error: "application error",
  rejected_request: "request refused",
});

export function outcomeTone(code) {
  if (code === "answered_human" || code === "answered_unknown") return "good";
  if (code === "answered_machine") return "info";
  if (["no_answer", "busy", "rejected", "canceled", "expired"].includes(code)) return "mute";
  return "bad";
}

export const tier = named({
  sticky: "sticky",
  area_code: "area code",
  country: "country",
  time_zone: "time zone",
  pool: "whole pool",
  primary: "primary",
});

export const skip = named({
  inactive: "inactive or released",
  paused: "paused",
  country_not_allowed: "not allowed to dial this country",
  spam_flagged: "spam-flagged",
  carrier_rejected: "refused by its carrier",
  failing: "failing at the carrier",
  daily_cap: "daily cap reached",
  no_answer_instruction: "no answer instruction for its provider",
});

export const fate = named({
  picked: "picked",
  in_draw: "in the draw",
  busy: "suits, but its connection is busy",
  resting: "resting while a healthy one is there",
  other_tier: "suits this contact less",
  zero_weight: "weight 0",
  excluded: "not for this attempt",
  skipped: "skipped",
  not_asked: "not asked: the contact has a number",
});

export const verdict = named({
  no_match: "no match",
  nothing_new: "nothing new",
  busy: "busy",
  used: "used",
  not_asked: "not needed",
});

export const saw = named({
  nothing: "The contact has no number of its own yet: the tiers decide.",
  void: "There was an assignment, but it no longer holds: the tiers decide.",
  used: "The contact's own number calls. No draw was needed.",
  unusable: "The contact's own number must not call now. Another one is taken, and inherits the contact if it reaches them.",
  waits: "The contact's own number has no room just now: the attempt waits for it.",
  busy: "The contact's own number had no room for too long: another one calls, this once.",
});

export const sawWhy = named({
  switched_off: "sticky is or was switched off",
  not_in_pool: "its number left the pool",
  expired: "its life time is over",
  spam_flagged: "spam-flagged",
  country_not_allowed: "not allowed to dial this country",
});

export { plain };
