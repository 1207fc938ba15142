// What stands before a statement, so that who looks at the server sees whose it is: `/* seeknal project=shop node=… */`. Pure.

export const statementComment = (named: Readonly<Record<string, string>>): string =>
  `/* seeknal ${Object.entries(named)
    .map(([name, value]) => `${name}=${value.replace(/[^\w.-]/g, '_')}`)
    .join(' ')} */`
