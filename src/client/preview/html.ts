/**
 * A page as text, and the few tags of it that say what it is about. The package that reads these tags builds a tree of all
 * that it is given, which takes it half a minute for 200 kB that are written to be slow, while nothing else in the process
 * runs. So it gets those tags only, found in one pass whose time grows with the page and nothing else.
 */

/** Where a page says how it is encoded, as browsers look for it. @source WHATWG HTML, 13.2.3.2 */
const CHARSET_BYTES = 1024
const CHARSET_IN_TYPE = /;\s*charset\s*=\s*["']?([^\s"';]+)/i
const CHARSET_IN_PAGE = /<meta[^>]{0,256}?\bcharset\s*=\s*["']?([^\s"'>;]{1,64})/i

/** Characters of a tag, or of a title, beyond which it is left out, and of all that is kept. Far above what pages have. */
const MAX_TAG = 16_384
const MAX_KEPT = 65_536

/** What a head may consist of; anything else ends it. @source WHATWG HTML, 13.2.6.4.4 */
const HEAD_TAGS: ReadonlySet<string> = new Set([
  ...['html', 'head', 'base', 'basefont', 'bgsound', 'link', 'meta', 'noframes', 'noscript', 'script'],
  ...['style', 'template', 'title'],
])

/** What is text up to its own end, whatever stands in it. @source WHATWG HTML, 13.2.6 */
const TEXT_TAGS: ReadonlyMap<string, RegExp> = new Map(
  ['title', 'textarea', 'script', 'style', 'noframes', 'iframe', 'noembed', 'xmp'].map((name) => [
    name,
    new RegExp(`</${name}(?=[\\s/>])`, 'gi'),
  ]),
)

/** Decodes a page: by its byte order mark, the header, or what it says itself, and as UTF-8 where none is known. */
export function decodePage(bytes: Uint8Array, contentType: string): string {
  // every encoding in use has these letters where ASCII has them
  const beginning = new TextDecoder('latin1').decode(bytes.subarray(0, CHARSET_BYTES))
  const inPage = CHARSET_IN_PAGE.exec(beginning)?.[1]
  const label =
    markedEncoding(bytes) ??
    CHARSET_IN_TYPE.exec(contentType)?.[1] ??
    // what could be read is not UTF-16
    (inPage?.toLowerCase().startsWith('utf-16') === true ? 'utf-8' : inPage)
  return decodedAs(label ?? 'utf-8', bytes)
}

function markedEncoding([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined
}

function decodedAs(label: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder(label).decode(bytes)
  } catch {
    // a name that nobody knows
    return new TextDecoder().decode(bytes)
  }
}

/** A page of the same title, `<meta>` tags and picture, and nothing else. */
export function summaryOf(page: string): string {
  const scan = { page, at: 0, kept: '', isInHead: true }
  while (scan.kept.length < MAX_KEPT) {
    scan.at = page.indexOf('<', scan.at)
    if (scan.at === -1 || !passTag(scan)) break
  }
  return `<!doctype html><html><head>${scan.kept}</head></html>`
}

interface Scan {
  readonly page: string
  /** Where the next tag begins. */
  at: number
  kept: string
  /** Whether a title is one of the page, and not of a drawing in it. */
  isInHead: boolean
}

/** Goes behind one tag, and keeps it where it is wanted. @returns whether there may be more */
function passTag(scan: Scan): boolean {
  const { page, at } = scan
  if (page.startsWith('<!--', at)) return moveTo(scan, page.indexOf('-->', at + 2), 3)
  const name = tagName(page, at + 1)
  // an end, a declaration, or a `<` in a text
  if (name === '') return moveTo(scan, at, 1)
  const end = tagEnd(page, at + 1 + name.length)
  if (!moveTo(scan, end, 1)) return false
  if (!HEAD_TAGS.has(name)) scan.isInHead = false
  const closing = TEXT_TAGS.get(name)
  if (closing !== undefined) return passText(scan, name, closing)
  const tag = page.slice(at, end + 1)
  const isWanted = name === 'meta' || (name === 'link' && /image_src/i.test(tag.slice(0, MAX_TAG)))
  if (isWanted && tag.length <= MAX_TAG) scan.kept += tag
  return true
}

/** Goes behind a tag that holds nothing but text. */
function passText(scan: Scan, name: string, closing: RegExp): boolean {
  const from = scan.at
  closing.lastIndex = from
  const end = closing.exec(scan.page)
  if (end === null) return false
  if (name === 'title' && scan.isInHead && end.index - from <= MAX_TAG) {
    scan.kept += `<title>${scan.page.slice(from, end.index)}</title>`
  }
  return moveTo(scan, end.index, 2)
}

function moveTo(scan: Scan, index: number, further: number): boolean {
  scan.at = index + further
  return index !== -1
}

function tagName(page: string, from: number): string {
  const word = /[a-z][^\s/>]{0,31}/iy
  word.lastIndex = from
  return word.exec(page)?.[0].toLowerCase() ?? ''
}

/** Where the `>` of a tag is, which is none within a quoted value; -1 when there is none. */
function tagEnd(page: string, from: number): number {
  const step = /[^>"'=]*(?:=[\s]*(["'])?|["']|>)/y
  let at = from
  for (;;) {
    step.lastIndex = at
    const found = step.exec(page)
    if (found === null) return -1
    at = step.lastIndex
    if (found[0].endsWith('>')) return at - 1
    const quote = found[1]
    if (quote === undefined) continue
    const closing = page.indexOf(quote, at)
    if (closing === -1) return -1
    at = closing + 1
  }
}
