// The keys of the page.

import { useEffect } from "preact/hooks";
import { keep } from "../kept";
import { KEYS } from "../keys";
import { hasLog } from "../seal";
import { config, hasFeed, singleKeys } from "../state";

export function Keys() {
  useEffect(() => {
    document.title = `Keyboard · ${config.value.title}`;
  }, []);
  const shown = KEYS.filter(([keys]) => (keys !== "g p" || hasLog()) && ((keys !== "g l" && keys !== ".") || hasFeed()));
  return (
    <div class="page text">
      <h1 tabIndex={-1}>Keyboard</h1>
      <section class="card">
        <table class="keys">
          <caption class="sr">Keys</caption>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">What it does</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([keys, does]) => (
              <tr key={keys}>
                <th scope="row">
                  {keys.split(" ").map((key, index) => (key === "" ? " " : <kbd key={index}>{key}</kbd>))}
                </th>
                <td>{does}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <label class="check">
          <input
            type="checkbox"
            checked={singleKeys.value}
            onChange={(event) => {
              singleKeys.value = event.currentTarget.checked;
              keep({ quiet: singleKeys.value ? undefined : true });
            }}
          />{" "}
          Single letters are keys
        </label>
      </section>
    </div>
  );
}
