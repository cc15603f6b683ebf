// The entry point for `cdk`: one stack of one stage.

import { ledgerApp } from "../lib/app.ts";

ledgerApp();
