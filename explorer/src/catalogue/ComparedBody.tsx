// What a comparison shows below its title: tiles, table, or why there is none. It is loaded when somebody compares.

import { useEffect, useState } from "preact/hooks";
import { query } from "../api";
import { curl } from "../curl";
import { Copy } from "../parts/Copy";
import { Failure, Waiting } from "../parts/Notice";
import { count, date, zone } from "../state";
import { CatalogueCsv, type File } from "./CatalogueCsv";
import { type Clock, type Compared, counts, isShown, type Shown } from "./compare";
import { ComparedTable, Tiles } from "./ComparedTable";
import { type Comparison, useComparison } from "./comparison";
import { FIRST, kept } from "./data";
import { isNarrowed, momentQuery, type Parameters, pickedOf } from "./list";
import { COMPARED_COLUMNS, comparedParts, comparedRow, filterParts, momentParts } from "./table";
import { openMoment } from "./TimePanel";
import { MOST_COMMITS, MOST_ROWS } from "./walk";

const MOST_SHOWN = 1000;

/** The tile of the address; names are known of what was recorded alone. */
function shownOf(parameters: Parameters, clock: Clock): Shown {
  const asked = (parameters["show"] ?? "changed") as Shown;
  return asked === "renamed" && clock === "force" ? "changed" : asked;
}

/** The products of the chosen tile. */
function chosen(comparison: Comparison, parameters: Parameters, clock: Clock): Compared[] {
  return comparison.kind === "compared" ? pickedOf(comparison.all, parameters, kept()).filter((one) => isShown(one, shownOf(parameters, clock))) : [];
}

/** The file of what is shown; of what is not compared, each catalogue. */
function comparedFiles(comparison: Comparison | undefined, parameters: Parameters, clock: Clock): File[] | undefined {
  const { at = "", vs = "" } = parameters;
  if (comparison?.kind !== "compared") return undefined;
  const name = ["catalogue", ...filterParts(parameters), ...comparedParts(Date.parse(vs), Date.parse(at), clock, shownOf(parameters, clock), zone.value)];
  return [{ name, from: { columns: COMPARED_COLUMNS, rows: chosen(comparison, parameters, clock).map(comparedRow) } }];
}

function bothFiles(parameters: Parameters, clock: Clock): File[] {
  return [parameters["vs"] ?? "", parameters["at"] ?? ""].map((moment) => ({
    name: ["catalogue", ...filterParts(parameters), ...momentParts(Date.parse(moment), clock, zone.value)],
    from: { request: momentQuery(moment, clock), size: undefined, parameters: { ...parameters, at: moment } },
  }));
}

export function ComparedBody({ parameters, clock, give }: {
  readonly parameters: Parameters;
  readonly clock: Clock;
  /** Gives the page the file of what is shown. */
  readonly give: (files: readonly File[] | undefined) => void;
}) {
  const loaded = useComparison(parameters, clock);
  const { data, error } = loaded;
  const { at = "", vs = "" } = parameters;
  const shown = shownOf(parameters, clock);
  const [most, setMost] = useState(FIRST);
  const key = JSON.stringify([parameters, clock]);
  useEffect(() => setMost(FIRST), [key]);
  useEffect(() => {
    give(comparedFiles(data, parameters, clock));
    return () => give(undefined);
  }, [data, key]);
  if (data === undefined) {
    if (error !== undefined) return <Failure error={error} retry={loaded.reload} />;
    return (
      <div class="card">
        {loaded.told === "" ? null : <p role="status">{loaded.told}…</p>}
        <Waiting lines={10} />
      </div>
    );
  }
  if (data.kind === "too-many") return <TooMany what={data.what} parameters={parameters} clock={clock} />;
  const all = pickedOf(data.all, parameters, kept());
  const rows = all.filter((one) => isShown(one, shown));
  const there = all.filter((one) => one.after !== undefined).length;
  return (
    <>
      {shown === (parameters["show"] ?? shown) ? null : (
        <p class="note" role="status">
          Who was renamed is known as recorded alone; this is all that changed.
        </p>
      )}
      <div class="card flush">
        <div class="tile-line">
          <Tiles counts={counts(all)} shown={shown} clock={clock} hasSame={data.hasSame} />
          {data.hasSame ? (
            <button type="button" class="tile" onClick={() => openMoment({ vs: undefined, show: undefined })}>
              <b>{count(there)}</b> <span>products on {date(at)}</span>
            </button>
          ) : null}
        </div>
        <div id="compared" role="tabpanel" aria-label={shown === "same" ? "unchanged" : shown}>
          {rows.length === 0 ? (
            <p class="nothing">
              {shown === "changed" ? "Nothing changed between these two." : shown === "same" && !data.hasSame ? "The unchanged products were not counted." : `No product is ${shown === "same" ? "unchanged" : shown}.`}
            </p>
          ) : (
            <ComparedTable rows={rows.slice(0, most)} parameters={parameters} clock={clock} />
          )}
        </div>
      </div>
      <div class="below">
        <span class="muted">
          Showing {count(Math.min(most, rows.length))} of {count(rows.length)}.{clock === "force" ? " Names and other fields are those of now." : ""}
          {data.hasSame ? "" : ` The unchanged of more than ${count(MOST_ROWS)} products are not counted.`}
          {data.missing === 0 ? "" : ` ${count(data.missing)} commits between these moments are gone; what they changed is not known.`}
        </span>
        {rows.length <= most ? null : most >= MOST_SHOWN ? (
          <span class="muted">More than {count(MOST_SHOWN)} rows are not shown; filter, or download the CSV.</span>
        ) : (
          <button type="button" class="button" onClick={() => setMost(most + 100)}>
            Show 100 more
          </button>
        )}
        <Copy text={[vs, at].map((moment) => curl(query("products", { ...momentQuery(moment, clock), limit: 100 }))).join("\n")} kind="link" told="The requests are copied, as lines for a terminal.">
          API requests
        </Copy>
      </div>
    </>
  );
}

function TooMany({ what, parameters, clock }: { readonly what: "products" | "commits"; readonly parameters: Parameters; readonly clock: Clock }) {
  return (
    <div class="card nothing">
      <p>
        <b>
          {what === "commits"
            ? `Too much happened between these days to compare here: more than ${count(MOST_COMMITS)} commits.`
            : `There are too many products to compare here: more than ${count(MOST_ROWS)}.`}
        </b>
      </p>
      {what === "commits" ? null : <p>{isNarrowed(parameters) ? "Filter for less" : "Choose a category"}, or compare the files.</p>}
      <CatalogueCsv files={bothFiles(parameters, clock)}>Download both as CSV</CatalogueCsv>
    </div>
  );
}
