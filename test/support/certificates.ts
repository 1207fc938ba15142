// The certificates of the test server, made once a test run: an authority (ca.crt), for `localhost` server.crt and
// server.key, for the role `certified` client.crt and client.key, and other.crt, an authority that signed nothing. No
// private key is part of the repository.

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { preparedLater } from './postgres-files.ts'

const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Long before and after every test. */
const VALID = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2120-01-01T00:00:00Z') }

/** The folder that holds them. */
export const certificates = (): Promise<string> => preparedLater('tls', makeCertificates)

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])

async function makeCertificates(folder: string): Promise<void> {
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 })
  const [authority, other] = [await newKeys(), await newKeys()]
  write('ca.crt', await authorityOf('seeknal test authority', authority))
  write('other.crt', await authorityOf('another authority', other))
  const issuer = { name: 'CN=seeknal test authority', keys: authority }
  for (const [file, subject, host] of [
    ['server', 'CN=localhost', 'localhost'],
    ['client', 'CN=certified', null],
  ] as const) {
    const keys = await newKeys()
    const extensions = host === null ? [] : [new SubjectAlternativeNameExtension([{ type: 'dns', value: host }])]
    const { name, keys: signer } = issuer
    const certificate = await X509CertificateGenerator.create({
      ...VALID,
      subject,
      issuer: name,
      publicKey: keys.publicKey,
      signingKey: signer.privateKey,
      signingAlgorithm: CURVE,
      extensions,
    })
    write(`${file}.crt`, certificate.toString('pem'))
    write(`${file}.key`, await privateKeyOf(keys))
  }
}

async function authorityOf(name: string, keys: webcrypto.CryptoKeyPair): Promise<string> {
  const extensions = [new BasicConstraintsExtension(true, undefined, true)]
  const made = { ...VALID, name: `CN=${name}`, keys, signingAlgorithm: CURVE, extensions }
  return (await X509CertificateGenerator.createSelfSigned(made)).toString('pem')
}

async function privateKeyOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----'].join('\n')
}
