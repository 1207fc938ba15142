// Certificates of the machine, which nothing here asks for.

const VARIABLE = 'NODE_EXTRA_CA_CERTS'

/**
 * Processes that are started from now on do not read the machine's own certificates: where they are set, each start of Node
 * takes twice as long. Says whether they were.
 */
export function forgetCertificates(): boolean {
  const wereSet = process.env[VARIABLE] !== undefined
  delete process.env[VARIABLE]
  return wereSet
}
