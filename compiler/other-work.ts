/** Lets go on what waits for the engine to answer, and so the engine be given its next question: long work is done in pieces. */
export const otherWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
