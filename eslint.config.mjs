import tseslint from 'typescript-eslint'
import { BUDGETS } from './tools/budgets.mjs'

export default tseslint.config(
  { ignores: ['dist/**', '**/*.cjs', '**/*.mjs', '*.config.ts', 'src/**/generated/**'] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'max-lines': ['error', { max: BUDGETS.fileLines, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': [
        'error',
        { max: BUDGETS.functionLines, skipBlankLines: true, skipComments: true },
      ],
      complexity: ['error', BUDGETS.complexity],
      'max-params': ['error', BUDGETS.parameters],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      'no-restricted-globals': [
        'error',
        { name: 'Buffer', message: 'use Uint8Array and src/base/bytes.ts' },
        { name: 'setTimeout', message: 'use ctx.clock' },
        { name: 'Date', message: 'use ctx.clock' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name=/^(|Type|Range|Syntax|Reference|Eval|URI|Aggregate)Error$/]',
          message:
            'make a subclass of WatonError with a code; tests/architecture/throws.test.ts checks the rest with types',
        },
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
        {
          selector:
            'Program > ExpressionStatement > AwaitExpression, Program > VariableDeclaration > VariableDeclarator > AwaitExpression, Program > ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > AwaitExpression',
          message: 'no top-level await: it breaks require(esm)',
        },
        { selector: 'TSEnumDeclaration', message: 'use an as-const object' },
      ],
    },
  },
)
