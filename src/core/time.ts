/** Wall-clock time comes in from outside, so that tests can drive it. */

/** Milliseconds since the epoch. */
export type Clock = () => number;
