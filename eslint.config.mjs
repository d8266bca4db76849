import tseslint from 'typescript-eslint'
export default tseslint.config(
  { ignores: ['dist/**', '**/*.cjs', '**/*.mjs', '*.config.ts', 'src/protocol/proto/generated/**'] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 12],
      'max-params': ['error', 4],
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
          selector: "ThrowStatement > NewExpression[callee.name='Error']",
          message: 'throw a WatonError subclass with a code',
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
