// The metrics of the functions that alarms and the dashboard use, by their names in `telemetry/src/meters.rs`. Each has the
// dimension `function` and one dimension for each label.

/** The namespace of all metrics. */
export const NAMESPACE = "ProductLedger";
/** The dimension that holds the name of the function. */
export const FUNCTION = "function";

/** Names and labels of the metrics. */
export const METRICS = {
  commands: { name: "ledger_commands_total", labels: ["command", "outcome"] },
  conflicts: { name: "ledger_command_conflicts_total", labels: [] },
  projectionLag: { name: "ledger_projection_lag_seconds", labels: ["view"] },
  publishLag: { name: "ledger_publish_lag_seconds", labels: [] },
  tampering: { name: "ledger_tampering_total", labels: ["consumer", "operation"] },
  givenUp: { name: "ledger_stream_records_given_up_total", labels: ["consumer"] },
  parked: { name: "ledger_parked_products", labels: ["consumer"] },
  busMissing: { name: "ledger_bus_missing", labels: [] },
  reconcileAge: { name: "ledger_reconcile_age_seconds", labels: ["consumer"] },
  reconcileLeft: { name: "ledger_reconcile_left_products", labels: ["consumer"] },
  logOldestUnlogged: { name: "ledger_log_oldest_unlogged_seconds", labels: [] },
  logCheckpointAge: { name: "ledger_log_checkpoint_age_seconds", labels: [] },
  logConflicts: { name: "ledger_log_conflicts_total", labels: ["kind"] },
  protection: { name: "ledger_protection_checks_total", labels: ["result"] },
} as const;

/** The values of the label `command`. */
export const COMMANDS = ["create", "replace", "patch", "delete", "restore"] as const;
/** The values of the label `view`. */
export const VIEWS = ["products", "prices"] as const;
/** The values of the label `operation`: the stream's event for a changed or removed commit, and `other` for a changed
 * protection. */
export const OPERATIONS = ["MODIFY", "REMOVE", "other"] as const;
/** The values of the label `result` of a check of the protection that saw something. */
export const CHECKED = ["holds", "changed"] as const;
/** The values of the label `kind`: what of the log contradicts itself or the ledger, and what of a product contradicts the log. */
export const CONFLICTS = {
  ofLog: ["checkpoint", "file", "ledger", "batch", "index", "key"],
  ofProduct: ["rewritten", "missing", "unreadable"],
} as const;
export const PUBLISHER = "publisher";
export const PROJECTOR = "projector";
export const SEQUENCER = "sequencer";
/** The consumer for which the sequencer parks products. */
export const LOG = "log";
