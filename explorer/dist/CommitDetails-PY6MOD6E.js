import{a}from"./chunk-NX3QAXHZ.js";import"./chunk-Z23UNQZH.js";import"./chunk-GVBUBFXO.js";import"./chunk-UY7JG6V3.js";import"./chunk-GYV42OBI.js";export{a as CommitDetails};
