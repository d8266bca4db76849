/** Documentation that names a file names one that exists: links of every page, and names in backticks. */
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesUnder, ROOT, textOf } from './sources.ts'

const isPage = (path: string): boolean => path.endsWith('.md')

const pages = [
  ...filesUnder('docs', isPage),
  ...['src', 'bench', 'examples', 'tests', 'tools'].flatMap((folder) => filesUnder(folder, isPage)),
  ...['README.md', 'AGENTS.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
]

/** The text without blocks of code: what stands there is no link. */
function proseOf(page: string): string {
  return textOf(page).replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
}

/** Where the headings of a page are jumped to. */
function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Links of a page into this repository that lead nowhere. */
function brokenLinks(page: string): readonly string[] {
  const prose = proseOf(page).replaceAll(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? page : normalize(join(dirname(page), path))
    if (!existsSync(join(ROOT, file))) return true
    return anchor !== undefined && isPage(file) && !anchorsOf(file).includes(anchor)
  })
}

/** `folder/file.ts`, or a folder: `folder/`. Names of ours are in small letters, and those of other projects are not. */
const FILE_NAME = /^[a-z0-9_./-]+(?:\.(?:ts|mjs|cjs|md)|\/)$/

/** Files and folders that a text names in backticks. */
function namedFiles(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\s]+)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => FILE_NAME.test(name))
}

/** What can be named. */
const files = ['src', 'tests', 'tools', 'bench', 'docs', 'examples'].flatMap((folder) =>
  filesUnder(folder, () => true),
)

/** Whether a file ends with this path, or a folder does. */
function isThere(name: string): boolean {
  const path = `/${name.replace(/^(\.\.?\/)+/, '')}`
  const matches = (file: string): boolean => (path.endsWith('/') ? file.includes(path) : file.endsWith(path))
  return files.some((file) => matches(`/${file}`)) || existsSync(join(ROOT, name))
}

describe('the documentation', () => {
  it.each(pages)('%s links to what is there', (page) => {
    expect(brokenLinks(page)).toEqual([])
  })

  it.each(pages.filter((page) => !page.startsWith('CHANGELOG')))('%s names files that are there', (page) => {
    expect(namedFiles(proseOf(page)).filter((name) => !isThere(name))).toEqual([])
  })

  it('of the sources names files that are there', () => {
    const paths = filesUnder('src', (path) => /(?<!\.d)\.ts$/.test(path) && !path.includes('/generated/'))
    const gone = paths.flatMap((path) => {
      const comments = textOf(path).match(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm) ?? []
      return namedFiles(comments.join('\n'))
        .filter((name) => name.endsWith('.ts') && !isThere(name))
        .map((name) => `${path}: ${name}`)
    })
    expect(gone).toEqual([])
  })
})
