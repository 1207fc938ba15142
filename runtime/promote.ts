// Promoting an applied environment and going back to an earlier generation: both stage a switch as data, then commit it
// (promote/switch.ts). Reports ENVIRONMENT_NOT_FOUND, ENVIRONMENT_NOT_APPLIED, STATE_MOVED, STATE_NOT_FOUND, STATE_LOCKED.
//
// An applied environment leaves the same change prepared for people without Seeknal, below
// environments/<env>/promotion/, all paths relative to target/:
//   base         one line: what `current` must point to, `generations/7`, or `none`
//   next         one line: where the folder goes, `generations/8`; it must not exist yet
//   generation/  the generation, complete: manifest.json, run_state.json, generation.json, bundle.digest, intermediate/
// By hand: take locks/production.lock (create it, refuse if it exists), compare `readlink current` with base, rename
// generation/ to next, make a link to next beside `current`, rename that link over `current` without following it, remove
// the lock. Going back: point `current` at generations/<"parent" of current/generation.json>. The next writer notices.

export type { Requirement, StagedSwitch } from './promote/switch.ts'
