// The files of `init --example ecommerce`: path in the project → text. They are built into the command as text, in a chunk
// that only this module loads (import it lazily: it is 0.3 MB).

import customersData from '../../templates/example/ecommerce/data/customers.csv'
import orderItemsData from '../../templates/example/ecommerce/data/order_items.csv'
import ordersData from '../../templates/example/ecommerce/data/orders.csv'
import productsData from '../../templates/example/ecommerce/data/products.csv'
import webEventsData from '../../templates/example/ecommerce/data/web_events.jsonl'
import rulesSnippets from '../../templates/example/ecommerce/seeknal/common/rules.yml'
import sourcesSnippets from '../../templates/example/ecommerce/seeknal/common/sources.yml'
import transformationsSnippets from '../../templates/example/ecommerce/seeknal/common/transformations.yml'
import products from '../../templates/example/ecommerce/seeknal/sources/products.yml'
import rawCustomers from '../../templates/example/ecommerce/seeknal/sources/raw_customers.yml'
import rawOrderItems from '../../templates/example/ecommerce/seeknal/sources/raw_order_items.yml'
import rawOrders from '../../templates/example/ecommerce/seeknal/sources/raw_orders.yml'
import webEvents from '../../templates/example/ecommerce/seeknal/sources/web_events.yml'
import campaignFunnel from '../../templates/example/ecommerce/seeknal/transforms/campaign_funnel.yml'
import categoryPerformance from '../../templates/example/ecommerce/seeknal/transforms/category_performance.yml'
import customerValue from '../../templates/example/ecommerce/seeknal/transforms/customer_value.yml'
import customers from '../../templates/example/ecommerce/seeknal/transforms/customers.yml'
import dailyRevenue from '../../templates/example/ecommerce/seeknal/transforms/daily_revenue.yml'
import orderLines from '../../templates/example/ecommerce/seeknal/transforms/order_lines.yml'
import ordersCleaned from '../../templates/example/ecommerce/seeknal/transforms/orders_cleaned.yml'
import seeknalProject from '../../templates/example/ecommerce/seeknal_project.yml'

const FILES: Readonly<Record<string, string>> = {
  'data/customers.csv': customersData,
  'data/order_items.csv': orderItemsData,
  'data/orders.csv': ordersData,
  'data/products.csv': productsData,
  'data/web_events.jsonl': webEventsData,
  'seeknal/common/rules.yml': rulesSnippets,
  'seeknal/common/sources.yml': sourcesSnippets,
  'seeknal/common/transformations.yml': transformationsSnippets,
  'seeknal/sources/products.yml': products,
  'seeknal/sources/raw_customers.yml': rawCustomers,
  'seeknal/sources/raw_order_items.yml': rawOrderItems,
  'seeknal/sources/raw_orders.yml': rawOrders,
  'seeknal/sources/web_events.yml': webEvents,
  'seeknal/transforms/campaign_funnel.yml': campaignFunnel,
  'seeknal/transforms/category_performance.yml': categoryPerformance,
  'seeknal/transforms/customer_value.yml': customerValue,
  'seeknal/transforms/customers.yml': customers,
  'seeknal/transforms/daily_revenue.yml': dailyRevenue,
  'seeknal/transforms/order_lines.yml': orderLines,
  'seeknal/transforms/orders_cleaned.yml': ordersCleaned,
  'seeknal_project.yml': seeknalProject,
}

/** The example project, sorted by path. */
export const exampleFiles = (): ReadonlyMap<string, string> => new Map(Object.entries(FILES))
