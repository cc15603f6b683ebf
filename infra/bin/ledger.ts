// What `cdk` runs: one stack of one stage.

import { ledgerApp } from "../lib/app.ts";

ledgerApp();
