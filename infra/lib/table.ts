// A table of the ledger: keys, indexes and stream come from the CreateTable JSON next to its Rust adapter, the only place
// where they are defined. Grants list actions and indexes one by one.

import { CfnTable, type ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import { type IGrantable, type PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import { readJson } from "./repository.ts";
import type { Order, Settings } from "./settings.ts";

/** The input of CreateTable, as far as the tables use it. */
export interface Shape {
  readonly AttributeDefinitions: readonly { AttributeName: string; AttributeType: string }[];
  readonly KeySchema: readonly KeyElement[];
  readonly GlobalSecondaryIndexes?: readonly {
    IndexName: string;
    KeySchema: readonly KeyElement[];
    Projection: { ProjectionType: string };
  }[];
  readonly StreamSpecification?: { StreamEnabled: boolean; StreamViewType: string };
}
interface KeyElement {
  readonly AttributeName: string;
  readonly KeyType: string;
}

/** The indexes of each order, those of look-ups included; those of orders that are not maintained are not created. */
const INDEXES_OF: Record<Order, readonly string[]> = {
  id: ["by_id", "by_sku", "by_category"],
  name: ["by_name", "by_sku_name", "by_category_name"],
  price: ["by_price"],
  updated_at: ["changes"],
};

/** The file that defines each table. */
export const SHAPES = {
  events: "event-store/table.json",
  receipts: "event-store/receipts-table.json",
  parking: "event-store/parking-table.json",
  products: "projections/products-table.json",
  prices: "projections/prices-table.json",
  log: "sequencer/log-table.json",
  "log-feed": "event-store/feed-table.json",
} as const;
export type TableName = keyof typeof SHAPES;

export interface LedgerTableProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly name: TableName;
  /** Point-in-time recovery, or the reason why the table needs none. */
  readonly recovery: "point-in-time" | { readonly noneBecause: string };
  readonly resourcePolicy?: PolicyDocument;
  /** A fixed name, for a table that was restored from a backup. */
  readonly tableName?: string | undefined;
  /** The attribute with the time, in seconds, after which DynamoDB removes an item. */
  readonly expiresBy?: string;
}

export type Action = `dynamodb:${string}`;

/** One table of the ledger. */
export class LedgerTable extends Construct {
  readonly cfn: CfnTable;
  /** The table as monitoring expects it. */
  readonly table: ITable;
  private readonly key: LedgerKey;
  /** The names of its indexes. */
  readonly indexes: readonly string[];

  constructor(scope: Construct, id: string, props: LedgerTableProps) {
    super(scope, id);
    const shape = shapeOf(props.name, props.settings.orders);
    this.key = props.key;
    this.indexes = (shape.GlobalSecondaryIndexes ?? []).map((index) => index.IndexName);
    this.cfn = new CfnTable(this, "Table", {
      ...shapeProps(shape),
      tableName: props.tableName,
      billingMode: "PAY_PER_REQUEST",
      sseSpecification: { sseEnabled: true, sseType: "KMS", kmsMasterKeyId: props.key.key.keyArn },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: props.recovery === "point-in-time" },
      deletionProtectionEnabled: props.settings.keepData,
      ...(props.expiresBy !== undefined && {
        timeToLiveSpecification: { attributeName: props.expiresBy, enabled: true },
      }),
      ...(props.resourcePolicy ? { resourcePolicy: { policyDocument: props.resourcePolicy } } : {}),
    });
    this.cfn.applyRemovalPolicy(removalOf(props.settings));
    if (props.recovery !== "point-in-time") {
      acknowledge(this.cfn, ["AwsSolutions-DDB3"], props.recovery.noneBecause);
    }
    this.table = Table.fromTableArn(this, "Named", this.cfn.attrArn);
  }

  get name(): string {
    return this.cfn.ref;
  }

  get streamArn(): string {
    return this.cfn.attrStreamArn;
  }

  /** Grants what Lambda's poller needs to read the stream. */
  grantStream(grantee: IGrantable): void {
    const principal = grantee.grantPrincipal;
    principal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        resources: [this.streamArn],
      }),
    );
    principal.addToPrincipalPolicy(new PolicyStatement({ actions: ["dynamodb:ListStreams"], resources: ["*"] }));
    this.key.grantTableRead(grantee);
  }

  /** Grants exactly these actions on the table itself, and reading with its key. */
  grantRead(grantee: IGrantable, ...actions: Action[]): void {
    this.allow(grantee, actions, [this.cfn.attrArn]);
    this.key.grantTableRead(grantee);
  }

  /** Grants exactly these actions on the table itself, and writing with its key. */
  grantWrite(grantee: IGrantable, ...actions: Action[]): void {
    this.allow(grantee, actions, [this.cfn.attrArn]);
    this.key.grantTableWrite(grantee);
  }

  /** Grants querying every index of the table, each by its name. */
  grantQueryIndexes(grantee: IGrantable): void {
    const indexes = this.indexes.map((index) => `${this.cfn.attrArn}/index/${index}`);
    this.allow(grantee, ["dynamodb:Query"], indexes);
    this.key.grantTableRead(grantee);
  }

  private allow(grantee: IGrantable, actions: readonly Action[], resources: string[]): void {
    grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions: [...actions], resources }));
  }
}

/** The shape of a table, without the indexes of orders that are not maintained and the attributes that only they use. */
export function shapeOf(name: TableName, orders: readonly Order[]): Shape {
  const shape = readJson(SHAPES[name]) as Shape;
  if (!shape.GlobalSecondaryIndexes) {
    return shape;
  }
  if (!orders.includes("id")) {
    throw new Error(`orders=${orders.join(",")}: id is missing, which is required`);
  }
  const kept = orders.flatMap((order) => INDEXES_OF[order]);
  const indexes = shape.GlobalSecondaryIndexes.filter((index) => kept.includes(index.IndexName));
  const keys = [shape, ...indexes].flatMap(({ KeySchema }) => KeySchema.map((key) => key.AttributeName));
  return {
    ...shape,
    AttributeDefinitions: shape.AttributeDefinitions.filter(({ AttributeName }) => keys.includes(AttributeName)),
    GlobalSecondaryIndexes: indexes,
  };
}

function shapeProps(shape: Shape) {
  const keys = (elements: readonly KeyElement[]) =>
    elements.map((element) => ({ attributeName: element.AttributeName, keyType: element.KeyType }));
  return {
    attributeDefinitions: shape.AttributeDefinitions.map((attribute) => ({
      attributeName: attribute.AttributeName,
      attributeType: attribute.AttributeType,
    })),
    keySchema: keys(shape.KeySchema),
    ...(shape.GlobalSecondaryIndexes && {
      globalSecondaryIndexes: shape.GlobalSecondaryIndexes.map((index) => ({
        indexName: index.IndexName,
        keySchema: keys(index.KeySchema),
        projection: { projectionType: index.Projection.ProjectionType },
      })),
    }),
    ...(shape.StreamSpecification && {
      streamSpecification: { streamViewType: shape.StreamSpecification.StreamViewType },
    }),
  };
}
