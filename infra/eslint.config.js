// The linter's rules: exact types, nothing unused, short functions. Formatting is prettier's.

import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["cdk.out", "node_modules", "*.config.*"] },
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
  {
    rules: {
      "max-lines-per-function": ["error", { max: 50 }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      // A construct is created for its side effect on its scope.
      "no-new": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/consistent-indexed-object-style": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  { files: ["test/**"], rules: { "max-lines-per-function": "off" } },
);
