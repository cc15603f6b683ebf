import{a}from"./chunk-SDHIXF6W.js";import"./chunk-745DLLTG.js";import"./chunk-BXRVSQVI.js";import"./chunk-EPGQ3UVE.js";import"./chunk-QMSM2NDX.js";import"./chunk-G4TGWRZN.js";export{a as Empty};
