import"./chunk-GYV42OBI.js";
