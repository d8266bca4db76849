import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesUnder, sourceFiles, textOf } from './sources.ts'

const MAX_README_LINES = 30

/** Names that say what kind of thing is inside instead of what it is. */
const EMPTY_NAMES = /(^|\/)(utils?|helpers?|common|misc|types|constants|interfaces)(\.ts|\/)/

const files = sourceFiles()

describe('every source file', () => {
  it('opens with a paragraph that says what it is, unless it only names other files', () => {
    const own = files.filter((file) => !file.path.endsWith('/index.ts'))
    const silent = own
      .filter((file) => !/^(#![^\n]*\n)?\s*(\/\*\*|\/\/)/.test(file.text))
      .map((file) => file.path)
    expect(silent).toEqual([])
  })

  it('is named by what is inside', () => {
    expect(files.map((file) => file.path).filter((path) => EMPTY_NAMES.test(path))).toEqual([])
  })
})

describe('every folder of src', () => {
  const folders = new Set(
    files.map((file) => file.path.split('/').slice(0, 2).join('/')).filter((path) => !path.endsWith('.ts')),
  )
  const readmes = filesUnder('src', (path) => path.endsWith('README.md'))

  it('has a README', () => {
    const documented = new Set(readmes.map((path) => dirname(path)))
    expect([...folders].filter((folder) => !documented.has(folder))).toEqual([])
  })

  it(`has a README of at most ${String(MAX_README_LINES)} lines`, () => {
    expect(readmes.filter((path) => textOf(path).trimEnd().split('\n').length > MAX_README_LINES)).toEqual([])
  })
})
