// Starts a server, says where it is, and waits to be killed.

import { postgresServer } from '../support/postgres.ts'

const server = await postgresServer()
const { url } = await server.create({ database: 'held', user: 'held', password: 'held' })
console.log(JSON.stringify({ url, folder: server.socketFolder }))
setInterval(() => {}, 1000)
