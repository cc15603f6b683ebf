// Bundles the function into one file: `node build.mjs FOLDER`.
import { build } from "esbuild";

const [, , folder] = process.argv;
const { errors } = await build({
  entryPoints: ["src/price-list.ts"],
  outdir: folder,
  bundle: true,
  minify: true,
  // Names of errors are in logs.
  keepNames: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // From here alone: the package has clients of its own to be tested with.
  alias: { "@aws-sdk/client-dynamodb": "./node_modules/@aws-sdk/client-dynamodb" },
});
process.exitCode = errors.length;
