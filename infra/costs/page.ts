// The tables of `docs/costs.md` and `docs/growth.md`, written between their markers; do not edit them by hand.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { REPOSITORY } from "../lib/repository.ts";
import { CONCURRENCY } from "../lib/sequencer.ts";
import { settingsOf } from "../lib/settings.ts";
import { BYTES, GB, MILLIS, SECONDS_A_MONTH, SHARDS } from "./assumptions.ts";
import { batches, bill, type Changes, type Line, MEASURED, millis, share, type Spent } from "./bill.ts";
import { APIS, BUS, DYNAMODB, indexShards, LAMBDA, QUOTAS } from "./quotas.ts";
import { charge, KNOWN, PRICES, type Price } from "./prices.ts";

const RATES = [1, 100, 1000];

/** The subset of orders for which figures are counted, in addition to all orders. */
const FEW = "id,name";

/** Every page with the tables that it holds, by the names of their markers. */
const PAGES: Record<string, Record<string, () => string>> = {
  "docs/costs.md": {
    bill: () => billTable(RATES),
    road: roadTable,
    million: millionTable,
    units: unitsTable,
    prices: priceTable,
  },
  "BENCHMARKS.md": { road: roadSentence },
  "docs/growth.md": {
    growth: growthTable,
    "growth-bill": () => serviceTable([1000, 10_000]),
    ceilings: ceilingTable,
    billion: billionTable,
  },
};

/** A page as it should be. */
export function written(page: string): string {
  let text = readFileSync(resolve(REPOSITORY, page), "utf8");
  for (const [name, table] of Object.entries(PAGES[page] ?? {})) {
    const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(\n<!-- /${name} -->)`);
    if (!marked.test(text)) {
      throw new Error(`${page} has no place for ${name}`);
    }
    text = text.replace(marked, (_, before: string, after: string) => `${before}\n${table()}\n${after}`);
  }
  return text;
}

/** The pages that hold tables. */
export const WITH_TABLES: readonly string[] = Object.keys(PAGES);

/** Writes the tables into their pages. */
export function write(): void {
  for (const page of WITH_TABLES) {
    writeFileSync(resolve(REPOSITORY, page), written(page));
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[], text: readonly number[] = [0]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (text.includes(column) ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

const number = (value: number, digits = 0) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const usd = (value: number) => number(value, value < 100 ? 2 : 0);
const total = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + line.cost, 0);
const perSecond = (rate: number) => `${number(rate)} a second`;

function billTable(rates: readonly number[]): string {
  const bills = rates.map((rate) => bill(rate));
  const rows = (bills[0] ?? []).map(({ service, what }, row) => [
    `${service}: ${what}`,
    ...bills.map((lines) => usd(lines[row]?.cost ?? 0)),
  ]);
  const sums = bills.map(total);
  const each = rates.map((rate, place) => usd(((sums[place] ?? 0) / (rate * SECONDS_A_MONTH)) * 1e6));
  return table(
    ["USD a month", ...rates.map(perSecond)],
    [
      ...rows,
      ["**total**", ...sums.map((sum) => `**${usd(sum)}**`)],
      ["per million commands", ...each],
      [`total with only the orders ${FEW}`, ...rates.map((rate) => usd(total(bill(rate, MEASURED[FEW]))))],
      ["total with an HTTP API, which has no firewall", ...bills.map((lines) => usd(withHttpApi(lines)))],
    ],
  );
}

/** The total of a bill with an HTTP API in place of the REST API and its firewall. */
export function withHttpApi(lines: readonly Line[]): number {
  const replaced = lines.filter(({ service, priced }) => service === "WAF" || priced === "apiRequest");
  const requests = lines.find(({ priced }) => priced === "apiRequest")?.quantity ?? 0;
  return total(lines) - total(replaced) + charge("httpApiRequest", requests);
}

function serviceTable(rates: readonly number[]): string {
  const bills = rates.map((rate) => bill(rate));
  const services = [...new Set((bills[0] ?? []).map(({ service }) => service))];
  const of = (lines: readonly Line[], service: string) => total(lines.filter((line) => line.service === service));
  const rows = services.map((service) => [service, ...bills.map((lines) => usd(of(lines, service)))]);
  return table(
    ["USD a month", ...rates.map(perSecond)],
    [...rows, ["**total**", ...bills.map((lines) => `**${usd(total(lines))}**`)]],
  );
}

/** The parts of a price change from its request to its receipt, in full batches. */
function road(kept: Changes): { name: string; read: number; write: number; usd: number }[] {
  const { command } = kept["change the price"];
  const { records } = kept["a full batch"];
  const of = (part: "project" | "publish", unit: keyof Spent) => share(part, unit, records, kept);
  const catalogue = { read: of("project", "products_read"), write: of("project", "products") };
  const views = { read: of("project", "read"), write: of("project", "write") };
  const parts = [
    ["the command, until it is answered: event", command],
    ["catalogue with its indexes", catalogue],
    ["price history", { read: views.read - catalogue.read, write: views.write - catalogue.write }],
    ["receipt", { read: of("publish", "read"), write: of("publish", "write") }],
  ] as const;
  const units = parts.map(([name, { read, write }]) => {
    const usd = 1e6 * (charge("readUnit", read) + charge("writeUnit", write));
    return { name, read, write, usd };
  });
  return [...units, { name: "bus: EventBridge", read: 0, write: 0, usd: charge("event", 1e6) }];
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

/** A million price changes from request to receipt, with every order and with two. */
function roadTable(): string {
  const [all, few] = [road(MEASURED), road(MEASURED[FEW])];
  const cells = ({ read, write, usd: cost }: { read: number; write: number; usd: number }) => [
    number(read, 2),
    number(write, 2),
    usd(cost),
  ];
  const together = (parts: ReturnType<typeof road>) =>
    cells({
      read: sum(parts.map(({ read }) => read)),
      write: sum(parts.map(({ write }) => write)),
      usd: sum(parts.map((part) => part.usd)),
    }).map((cell) => `**${cell}**`);
  const rows = all.map((part, place) => [part.name, ...cells(part), ...cells(few[place] ?? part)]);
  return table(
    ["a million price changes", "read units each", "write units each", "USD", `\`${FEW}\`: read`, "write", "USD"],
    [...rows, ["**total**", ...together(all), ...together(few)]],
  );
}

/** The same as a sentence, for pages that state the price of a command. */
function roadSentence(): string {
  const money = (kept: Changes) => usd(sum(road(kept).map((part) => part.usd)));
  const written = (kept: Changes) => number(sum(road(kept).map((part) => part.write)));
  const [event] = road(MEASURED);
  const command = usd(event?.usd ?? 0);
  return (
    `A million price changes cost USD ${command} until they are answered and USD ${money(MEASURED)} in total: event, catalogue, price history, receipt and\n` +
    `EventBridge, ${written(MEASURED)} write units each. With \`LEDGER_ORDERS=${FEW}\` the total is USD ${money(MEASURED[FEW])} and ${written(MEASURED[FEW])} units.`
  );
}

/** DynamoDB's share of a million of each request that reads, as it was counted. */
function millionTable(): string {
  const cost = ({ read, write }: { read: number; write: number }) =>
    usd(1e6 * (charge("readUnit", read) + charge("writeUnit", write)));
  const { get, "list 100": list, "look up 100": found, "look up one": one } = MEASURED;
  return table(
    ["a million of", "read units each", "write units each", "USD"],
    (
      [
        ["`GET /products/{id}`", get],
        ["`GET /products?limit=100`", list],
        ["`GET /products?category=X&limit=100`", found],
        ["`GET /products?sku=X`, one product", one],
      ] as const
    ).map(([name, units]) => [name, number(units.read, 2), number(units.write, 2), cost(units)]),
  );
}

function unitsTable(): string {
  const all = Object.entries(MEASURED).filter(([, spent]) => typeof spent === "object" && "command" in spent);
  const commands = [...all, [`change the price, with only \`${FEW}\``, MEASURED[FEW]["change the price"]] as const];
  return table(
    ["", "command: read", "write", "views: read", "write", "receipts: read", "write"],
    commands.map(([name, spent]) => {
      const { command, project, publish } = spent as (typeof MEASURED)["change the price"];
      const units = [command, project, publish].flatMap(({ read, write }) => [read, write]);
      return [name, ...units.map((unit) => number(unit, 1))];
    }),
  );
}

function priceTable(): string {
  const rows = Object.values(PRICES as Record<string, Price>).map(({ per, tiers, source }) => {
    const amounts = tiers.map(([upTo, price]) => {
      const scale = price < 0.001 ? 1e6 : 1;
      const amount = `${Number((price * scale).toPrecision(6))}${scale > 1 ? " a million" : ""}`;
      return upTo === Infinity ? amount : `${amount} up to ${number(upTo)}`;
    });
    return [per, amounts.join("; "), source];
  });
  return `List prices as known on ${KNOWN}. Some were recorded without checking the source page again, so check it before you rely on a figure.\n\n${table(["unit", "USD", "source"], rows, [0, 1, 2])}`;
}

function growthTable(): string {
  const rates = [1, 100, 1000, 10_000];
  const change = MEASURED["change the price"];
  const columns = rates.map((rate) => {
    const { shards, records, aSecond } = batches(rate);
    const busy = (consumer: "projector" | "publisher") => (aSecond * millis(consumer, records)) / 1000;
    const units = (part: "project" | "publish") => share(part, "write", records) * rate;
    return [
      number(change.command.write * rate),
      number(units("project")),
      number(units("publish")),
      number(shards),
      number(records),
      number(aSecond, 1),
      number(busy("projector"), 1),
      number(busy("publisher"), 1),
    ];
  });
  const rows = [
    "event table: write units a second",
    "views: write units a second, indexes included",
    "receipts: write units a second",
    "stream shards, at least",
    "records per batch",
    "batches a second per consumer",
    "concurrent projectors",
    "concurrent publishers",
  ];
  return table(
    ["", ...rates.map(perSecond)],
    rows.map((name, row) => [name, ...columns.map((column) => column[row] ?? "")]),
  );
}

/** At which rate of price changes each quota is reached, with its default of us-east-1. */
function ceilingTable(): string {
  const change = MEASURED["change the price"];
  const { records } = MEASURED["a full batch"];
  const { mapping, reservedConcurrency: reserved = 0 } = settingsOf("production");
  const { batch } = mapping;
  // Reserved for the projector, the publisher and the sequencer.
  const left = QUOTAS.concurrency - 2 * reserved - CONCURRENCY;
  const products = share("project", "products", records);
  const rows: (readonly [string, number, string])[] = [
    ["one product: its partition of the event table", QUOTAS.partitionWrites / change.command.write, DYNAMODB],
    ["throttle of the stage (`infra/lib/settings.ts`)", settingsOf("production").throttle.rate, "our setting"],
    [
      "the index with ever-growing keys (`changes`): one write at its end per command, in " + `${indexShards()} shards`,
      indexShards() * QUOTAS.partitionWrites,
      DYNAMODB,
    ],
    [
      `${SHARDS} stream shards, each with one projector at ${batch} records in ${millis("projector", batch)} ms`,
      (SHARDS * batch * 1000) / millis("projector", batch),
      "assumed duration",
    ],
    ["the products table with its indexes: write units of one table", QUOTAS.tableWrites / products, DYNAMODB],
    ["a new event table, before it has scaled up", QUOTAS.newTableWrites / change.command.write, DYNAMODB],
    ["API Gateway requests of the account", QUOTAS.apiRequests, APIS],
    ["`Invocations` of the bus: one for the subscriber's rule, one for the archive", QUOTAS.busInvocations / 2, BUS],
    ["`PutEvents` of the account, ten events per request", QUOTAS.putEvents * 10, BUS],
    ["concurrent executions that the reserves leave to the API", (left * 1000) / MILLIS.command, LAMBDA],
    [
      `${reserved} concurrent projectors, which are reserved (\`infra/lib/settings.ts\`)`,
      (reserved * batch * 1000) / millis("projector", batch),
      "our setting, assumed duration",
    ],
    ["write units of the event table", QUOTAS.tableWrites / change.command.write, DYNAMODB],
  ];
  rows.sort(([, one], [, other]) => one - other);
  return table(
    ["limit", "commands a second", "source"],
    rows.map(([name, rate, source]) => [name, number(Math.floor(rate)), source]),
    [0, 2],
  );
}

/** The cost of a billion events, stored and read once. */
function billionTable(): string {
  const events = 1e9;
  const stored = (events * BYTES.commit) / GB;
  const reads = (events * BYTES.commit) / 4096 / 2;
  const rows: (readonly [string, string])[] = [
    ["the event table, GB at most", number(stored)],
    ["its partitions of 10 GB each", number(Math.ceil(stored / QUOTAS.partitionGb))],
    ["storage and point-in-time recovery, USD a month", usd(charge("storage", stored) + charge("recovery", stored))],
    ["receipts, GB at most", number((events * BYTES.receipt) / GB)],
    ["reading it all once (`export`, `verify`, `rebuild`), millions of read units", number(reads / 1e6)],
    ["the same, USD", usd(charge("readUnit", reads))],
    ["rebuilding the prices, USD at most", usd(charge("writeUnit", events))],
    ["replaying all events, USD", usd(charge("event", events))],
  ];
  return table(["a billion events, one per commit", ""], rows);
}
