import{a}from"./chunk-4HG4A7RV.js";import"./chunk-745DLLTG.js";import"./chunk-WFDXRZXO.js";import"./chunk-TKQDWZFV.js";import"./chunk-CIAAEBOD.js";import"./chunk-Y6SU7BWU.js";export{a as Empty};
