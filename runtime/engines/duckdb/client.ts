// DuckDB's client. Imported by driver.ts alone, when it is first needed: a module of its own, since a bundler gives a
// dynamically imported CommonJS package no named exports.

export { DuckDBInstance } from '@duckdb/node-api'
