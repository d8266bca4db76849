/** What is left of a page, judged by the package that reads it: it has to read the same of the whole page and of the rest. */
import fc from 'fast-check'
import { getPreviewFromContent } from 'link-preview-js'
import { describe, expect, it } from 'vitest'
import { decodePage, summaryOf } from './html.ts'

/** What the package reads of a page, as far as previews show it. */
async function said(data: string): Promise<unknown> {
  const headers = { 'content-type': 'text/html' }
  const read = await getPreviewFromContent({ url: 'https://page.example/a/b', headers, data })
  const { title, description, images } = read as { title: string; description?: string; images: string[] }
  // pictures in the text are none that a page offers
  return { title: title.trim(), description, images: images.filter((url) => url.includes('offered')) }
}

const OG = `<meta property="og:title" content="Tea &amp; more"><meta property="og:image" content="/offered.jpg">`
const PAGES: Readonly<Record<string, string>> = {
  'an ordinary page': `<!doctype html><html lang=en><head><meta charset=utf-8><title> Tea </title>
    <meta name="description" content="All about tea"><link rel="stylesheet" href="a.css">${OG}</head><body><p>x</p></body></html>`,
  'no head and no body': '<title>Tea</title><p>text',
  'no tags at all': 'tea < coffee > water',
  nothing: '',
  'tags in capitals, quotes of either kind and none': `<META NAME='description' CONTENT='it "is" > tea'><Title>T</TITLE><meta property=og:title content=it's>`,
  'a title with marks in it': '<title>a < b & c &lt;b&gt; <i>no</i></title>',
  'tags in a comment': `<!-- <title>no</title> <meta property="og:title" content="no"> --><title>yes</title>`,
  'comments that end at once': `<!--><meta name=description content=a><!---><title>yes</title>`,
  'tags in a script and a style': `<script>"<title>no</title>"; "<meta name=description content=no>"</script>
    <style>/* <title>no</title> */</style><title>yes</title><noscript><link rel=x></noscript>`,
  'tags in a text field': `<body><textarea><meta name="description" content="no"></textarea>`,
  'drawings with titles': '<body><svg><title>Close</title></svg>',
  'two titles': '<title>one</title><title>two</title>',
  'tags in the body': `<title>t</title><body><div><p>text</p>${OG}</div>`,
  'a picture by the old way': '<title>t</title><link rel="image_src" href="offered.jpg">',
  'a description of three kinds': `<meta property="og:description" content="c"><meta name="Description" content="b"><meta name="description" content="a">`,
  'a tag that never ends': `<title>t</title><meta name="description" content="x`,
  'an end of a line in a tag': `<meta\n\tname = "description"\n content\n=\n"d"\n/><title\n>t</title\n>`,
}

const word = fc.constantFrom('a', 'Tea', 'x&amp;y', 'é', '>', "'", '<', '=', '/', ' ', '日本')
const value = fc.array(word, { maxLength: 4 }).map((words) => words.join(''))
const meta = fc
  .tuple(
    fc.constantFrom('name', 'property'),
    fc.constantFrom('og:title', 'description', 'og:image', 'og:x'),
    value,
  )
  .map(([attribute, key, content]) =>
    key === 'og:image'
      ? `<meta ${attribute}="${key}" content="/offered/${String(content.length)}">`
      : `<meta content="${content}" ${attribute}='${key}'>`,
  )
const other = fc.oneof(
  value.map((text) => `<title>${text.replace(/</g, '')}</title>`),
  value.map((text) => `<script>if (a<b) "<title>${text}"</script>`),
  value.map((text) => `<!-- ${text} -->`),
  fc.constantFrom('\n', '<base href="/">', '<link rel=icon href=x>', '<style>a > b {}</style>'),
)
const body = value.map((text) => `<body><div class="a>b"><p>${text.replace(/[<>]/g, '')}</p></div>`)

describe('what is kept of a page', () => {
  it.each(Object.entries(PAGES))('says the same as the whole, with %s', async (_what, page) => {
    expect(await said(summaryOf(page))).toEqual(await said(page))
  })

  it('says the same as the whole, whatever the head is made of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(meta, other), { maxLength: 8 }), body, async (head, rest) => {
        const page = `<html><head>${head.join('')}</head>${rest}`
        expect(await said(summaryOf(page))).toEqual(await said(page))
      }),
      { numRuns: 300 },
    )
  })

  it('is short, and found in a moment, where the whole takes the package minutes', () => {
    const slow = [
      '<font size=1>'.repeat(80_000),
      '<table><td>'.repeat(90_000),
      `${'<div>'.repeat(100_000)}${'<p>'.repeat(100_000)}`,
      '<'.repeat(1_000_000),
      '<meta '.repeat(170_000),
      `<meta ${'a '.repeat(500_000)}`,
      '<meta a="'.repeat(110_000),
      `<meta a='`.repeat(110_000),
      '<meta content=a>'.repeat(60_000),
      '<meta ='.repeat(140_000),
      `<meta a=${' '.repeat(900_000)}`,
      '<!--'.repeat(250_000),
      '<title>'.repeat(140_000),
      '<script>'.repeat(120_000),
      '<script></scripta'.repeat(60_000),
      '</script '.repeat(110_000),
      `<svg>${'<title></title>'.repeat(60_000)}`,
      `<title>${'x'.repeat(900_000)}</title>`,
      `<meta content="${'x'.repeat(900_000)}">`,
    ]
    for (const page of slow) {
      const begin = performance.now()
      const kept = summaryOf(page)
      expect(performance.now() - begin, page.slice(0, 30)).toBeLessThan(1_000)
      expect(kept.length, page.slice(0, 30)).toBeLessThan(100_000)
    }
  })

  it('is read by the package in a moment too, however full it is', async () => {
    for (const tag of [
      '<meta a>',
      `<meta name=description content="${'&amp;'.repeat(3000)}">`,
      `<meta ${'a '.repeat(8000)}>`,
    ]) {
      const kept = summaryOf(tag.repeat(Math.ceil(1_000_000 / tag.length)))
      const begin = performance.now()
      await said(kept)
      expect(performance.now() - begin, tag.slice(0, 30)).toBeLessThan(2_000)
    }
  })

  it('is found in any text', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), meta, other, word)), (parts) =>
        summaryOf(parts.join('')).startsWith('<!doctype html>'),
      ),
    )
  })
})

describe('a page is decoded', () => {
  const bytesOf = (...parts: (string | number[])[]): Uint8Array =>
    new Uint8Array(
      parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)),
    )
  const CYRILLIC = [0xd7, 0xe0, 0xe9] // Чай in windows-1251
  const JAPANESE = [0x82, 0xa8, 0x92, 0x83] // お茶 in shift_jis

  it.each<[string, Uint8Array, string, string]>([
    ['by its header', bytesOf(CYRILLIC), 'text/html; charset=windows-1251', 'Чай'],
    ['by a header in quotes and capitals', bytesOf(JAPANESE), 'text/html;CHARSET="Shift_JIS"; x=y', 'お茶'],
    ['by what it says itself', bytesOf('<meta charset=windows-1251>', CYRILLIC), 'text/html', 'Чай'],
    [
      'by what it says itself in the old way',
      bytesOf('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', CYRILLIC),
      'text/html',
      'Чай',
    ],
    [
      'by its header rather than by what it says',
      bytesOf('<meta charset=shift_jis>', CYRILLIC),
      'text/html; charset=windows-1251',
      'Чай',
    ],
    [
      'by its mark rather than by anything',
      bytesOf([0xef, 0xbb, 0xbf], 'Чай'),
      'text/html; charset=shift_jis',
      'Чай',
    ],
    ['as UTF-16 with its mark', bytesOf([0xff, 0xfe, 0x27, 0x04]), 'text/html', 'Ч'],
    ['as UTF-16 of the other order', bytesOf([0xfe, 0xff, 0x04, 0x27]), 'text/html', 'Ч'],
    [
      'as UTF-8 where it claims to be UTF-16 in letters that are not',
      bytesOf('<meta charset=utf-16>Чай'),
      'text/html',
      'Чай',
    ],
    ['as UTF-8 where it says nothing', bytesOf('Чай'), 'text/html', 'Чай'],
    ['as UTF-8 where nobody knows the name', bytesOf('Чай'), 'text/html; charset=klingon', 'Чай'],
    ['with marks for what is no text', bytesOf('a', [0xff], 'b'), 'text/html; charset=utf-8', 'a\ufffdb'],
  ])('%s', (_how, bytes, contentType, expected) => {
    expect(decodePage(bytes, contentType)).toContain(expected)
  })
})
