import { defineConfig } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    files: ['**/*.ts'],
    rules: {
      // TypeScript's noPropertyAccessFromIndexSignature asks for the very notation that this rule forbids.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // GitHub sets the variables of inputs without a value to an empty string, so an empty string counts as unset.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
    },
  },
  {
    files: ['src/**/*.ts'],
    // A longer file probably does more than one thing.
    rules: { 'max-lines': ['error', 120] },
  },
  { files: ['*.js'], ...tseslint.configs.disableTypeChecked },
  prettier,
);
