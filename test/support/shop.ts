// A small project of four nodes: two sources, a join of them, an aggregate.

export const shop = {
  'seeknal_project.yml': 'name: shop\nversion: "1.0.0"\nprofile: default\nconfig-version: 1\n',
  'data/orders.csv': 'id,customer,amount,day\n1,a,10.50,2026-03-01\n2,b,20.00,2026-03-01\n3,a,5.25,2026-03-02\n',
  'data/customers.csv': 'customer,country\na,ID\nb,SG\n',
  'seeknal/sources/orders.yml':
    'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\ntags: [raw]\ncolumns:\n  id: BIGINT\n  customer: VARCHAR\n  amount: DECIMAL(10,2)\n  day: DATE\n',
  'seeknal/sources/customers.yml':
    'kind: source\nname: customers\nsource: csv\ntable: data/customers.csv\ntags: [raw]\n',
  'seeknal/transforms/orders_full.yml': `kind: transform
name: orders_full
inputs:
  - ref: source.orders
  - ref: source.customers
transform: |
  SELECT o.id, o.customer, o.amount, o.day, c.country
  FROM ref('source.orders') o
  LEFT JOIN ref('source.customers') c USING (customer)
`,
  'seeknal/transforms/daily.yml': `kind: transform
name: daily
description: Revenue of each day
tags: [mart]
inputs:
  - ref: transform.orders_full
transform: |
  SELECT day, SUM(amount) AS revenue
  FROM ref('transform.orders_full')
  GROUP BY day
`,
} as const
