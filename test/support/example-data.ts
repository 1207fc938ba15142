// The data files of `init --example ecommerce`, made from a seed: a small shop with the dirt that real exports have
// (repeated rows, blanks, mixed case, negative quantities). test/programs/example-data.ts writes them.

import { type Random, seeded } from './random.ts'

const CUSTOMERS = 420
const ORDERS = 3_000
const SESSIONS = 320
const FIRST_DAY = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000

const COUNTRIES = ['Germany', 'France', 'Italy', 'Spain', 'Netherlands', 'Poland'] as const
const SEGMENTS = ['consumer', 'business', 'education'] as const
const CHANNELS = ['web', 'app', 'store', 'partner'] as const
const PRODUCTS = [
  ['Desk lamp', 'Lighting'],
  ['Floor lamp', 'Lighting'],
  ['Pendant lamp', 'Lighting'],
  ['Light strip', 'Lighting'],
  ['Office chair', 'Seating'],
  ['Stool', 'Seating'],
  ['Armchair', 'Seating'],
  ['Bench', 'Seating'],
  ['Standing desk', 'Tables'],
  ['Side table', 'Tables'],
  ['Dining table', 'Tables'],
  ['Folding table', 'Tables'],
  ['Bookcase', 'Storage'],
  ['Drawer unit', 'Storage'],
  ['Wall shelf', 'Storage'],
  ['Coat rack', 'Storage'],
  ['Wool rug', 'Textiles'],
  ['Cotton throw', 'Textiles'],
  ['Linen curtain', 'Textiles'],
  ['Cushion', 'Textiles'],
  ['Plant pot', 'Decoration'],
  ['Mirror', 'Decoration'],
  ['Wall clock', 'Decoration'],
  ['Vase', 'Decoration'],
] as const

/** File name → text. */
export function exampleData(): Readonly<Record<string, string>> {
  return {
    'customers.csv': customers(seeded(1)),
    'products.csv': products(seeded(2)),
    ...orders(seeded(3)),
    'web_events.jsonl': webEvents(seeded(4)),
  }
}

const id = (prefix: string, n: number): string => `${prefix}-${String(n).padStart(4, '0')}`
const timestamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
const date = (ms: number): string => timestamp(ms).slice(0, 10)
const lines = (rows: readonly string[]): string => `${rows.join('\n')}\n`

function customers(random: Random): string {
  const rows = ['customer_id,country,segment,signed_up_on']
  for (let n = 1; n <= CUSTOMERS; n++) {
    const country = random.pick(COUNTRIES)
    const spelled = random.chance(0.06) ? ` ${country.toUpperCase()} ` : country
    const segment = random.chance(0.04) ? '' : random.pick(SEGMENTS)
    rows.push(`${id('C', n)},${spelled},${segment},${date(FIRST_DAY - random.between(1, 700) * DAY_MS)}`)
  }
  return lines(rows)
}

function products(random: Random): string {
  const rows = PRODUCTS.map(([name, category], i) => {
    const cents = random.between(900, 24_900)
    return `${id('P', i + 1)},${name},${category},${(cents / 100).toFixed(2)},${(Math.round((cents * random.between(40, 72)) / 100) / 100).toFixed(2)}`
  })
  return lines(['product_id,product_name,category,unit_price,unit_cost', ...rows])
}

function orders(random: Random): Readonly<Record<string, string>> {
  const orderRows: string[] = []
  const itemRows: string[] = []
  for (let n = 1; n <= ORDERS; n++) {
    // More orders towards the end of the quarter.
    const day = Math.floor(90 * Math.sqrt(random.next()))
    const placed = FIRST_DAY + day * DAY_MS + random.between(6 * 3600, 22 * 3600) * 1000
    const customer = random.chance(0.02) ? '' : id('C', 1 + Math.floor(CUSTOMERS * random.next() * random.next()))
    const first = `${id('O', n)},${customer},${timestamp(placed)}`
    const channel = random.pick(CHANNELS)
    const discount = random.chance(0.15) ? random.pick(['0.05', '0.10', '0.20'] as const) : '0'
    const rest = `${channel},${discount}`
    const corrected = random.chance(0.03)
    if (corrected) orderRows.push(`${first},pending,${rest},1`)
    orderRows.push(`${first},${status(random)},${rest},${corrected ? 2 : 1}`)
    for (let line = random.between(1, 3); line > 0; line--) {
      const quantity = random.chance(0.01) ? -1 : random.between(1, 4)
      itemRows.push(`${id('O', n)},${id('P', random.between(1, PRODUCTS.length))},${quantity}`)
    }
  }
  return {
    'orders.csv': lines(['order_id,customer_id,ordered_at,status,channel,discount,revision', ...orderRows]),
    'order_items.csv': lines(['order_id,product_id,quantity', ...itemRows]),
  }
}

function status(random: Random): string {
  const plain = random.chance(0.86) ? 'completed' : random.pick(['cancelled', 'returned', 'pending'] as const)
  if (random.chance(0.05)) return plain.toUpperCase()
  return random.chance(0.04) ? ` ${plain} ` : plain
}

function webEvents(random: Random): string {
  const events: { readonly at: number; readonly text: string }[] = []
  for (let n = 1; n <= SESSIONS; n++) {
    let at = FIRST_DAY + random.between(60 * 86_400, 89 * 86_400) * 1000
    const visitor = id('V', random.between(1, 140))
    const campaign = random.pick(['search', 'newsletter', 'social', null] as const)
    for (const step of ['view', 'cart', 'checkout'] as const) {
      const event = { clicked_at: timestamp(at), visitor, event: step, ...(campaign === null ? {} : { campaign }) }
      events.push({ at, text: JSON.stringify(event) })
      at += random.between(20, 900) * 1000
      if (!random.chance(step === 'view' ? 0.45 : 0.6)) break
    }
  }
  return lines(events.sort((a, b) => a.at - b.at).map((event) => event.text))
}
