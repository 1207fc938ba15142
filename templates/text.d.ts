// Sample files are bundled as text, templates as functions that fill them.
// So are programs of threads.
declare module '*.ts?text' {
  const text: string
  export default text
}
declare module '*.csv' {
  const text: string
  export default text
}
declare module '*.hbs' {
  /** Made by the build; only compiler/emit/templates.ts looks inside. */
  const specification: object
  export default specification
}
declare module '*.jsonl' {
  const text: string
  export default text
}
declare module '*.md' {
  const text: string
  export default text
}
declare module '*.sql' {
  const text: string
  export default text
}
declare module '*.yml' {
  const text: string
  export default text
}
