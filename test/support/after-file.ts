// What a test file leaves behind is taken away when it has ended, since its process goes on with other files.

const releases: (() => void | Promise<void>)[] = []

/** Calls `release` after each file of this process. What is registered last is called first. */
export function afterEachFile(release: () => void | Promise<void>): void {
  releases.unshift(release)
}

/** Each is called, also when one throws; gives what was thrown. */
export async function releaseAll(): Promise<readonly unknown[]> {
  const problems: unknown[] = []
  for (const release of releases)
    try {
      await release()
    } catch (error) {
      problems.push(error)
    }
  return problems
}
