// The figures that the functions write as embedded metrics, by the names of the Rust catalogue of meters. Each has the
// dimension `function`, the function's name, and one for each of its labels.

/** Where they are. */
export const NAMESPACE = "ProductLedger";
/** The dimension that tells one function's figures from another's. */
export const FUNCTION = "function";

/** Name and labels of the figures that alarms and dashboard use. */
export const METERS = {
  conflicts: { name: "ledger_command_conflicts_total", labels: [] },
  projectionLag: { name: "ledger_projection_lag_seconds", labels: ["view"] },
  publishLag: { name: "ledger_publish_lag_seconds", labels: [] },
  tampering: { name: "ledger_tampering_total", labels: ["consumer", "operation"] },
  parked: { name: "ledger_parked_products", labels: ["consumer"] },
} as const;

/** The values that labels take. */
export const VIEWS = ["products", "prices"] as const;
/** What the stream says of a commit that was touched. */
export const OPERATIONS = ["MODIFY", "REMOVE", "other"] as const;
export const PUBLISHER = "publisher";
export const PROJECTOR = "projector";
