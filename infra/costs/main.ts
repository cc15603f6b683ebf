// `npm run costs`: writes the tables of costs and growth into their pages.

import { write } from "./page.ts";

write();
