// Template and sample files are bundled as text.
declare module '*.csv' {
  const text: string
  export default text
}
declare module '*.hbs' {
  const text: string
  export default text
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
