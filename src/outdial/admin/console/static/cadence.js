// How often pages ask again, in milliseconds: as seldom as nobody can tell, because every answer takes time from dialling.

/** What moves with every call: results, and what a campaign has in use. */
export const CALLS_MS = 4000;
/** An attempt that is not over yet, and letters that nobody has decided on. */
export const STORY_MS = 6000;
/** Rates, weights and standings of numbers: single calls hardly move them. */
export const HEALTH_MS = 30000;
/** What is over, and changes only when the truth comes late. */
export const OVER_MS = 30000;
