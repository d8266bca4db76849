/** Pages of a real server on loopback, read by the unmodified package; what comes out is what Baileys would send of them. */
import { createRequire } from 'node:module'
import type { RequestListener } from 'node:http'
import { generateWAMessageContent, proto } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { publicWeb } from '../../../tests/helpers/public-web.ts'
import { until } from '../../../tests/helpers/until.ts'
import { UsageError } from '../../base/errors.ts'
import type { PreviewedPage } from '../options.ts'
import { composeMessage, prepareContent } from '../send/compose.ts'
import { withPreview } from '../send/link-preview.ts'
import { seededRandom } from '../../base/random.ts'
import { linkPreviewFetcher, pageReader } from './fetcher.ts'
import { previewPage } from './page.ts'

const read = pageReader(createRequire(import.meta.url))
const URL_OF_PAGE = 'http://page.example/tea'
/** Enough of a JPEG: its frame says 16 by 16 pixels. */
const PICTURE = new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0, 0xff, 0xd9])

type Answers = Readonly<
  Record<string, readonly [body: string | Uint8Array, headers?: Record<string, string>]>
>

function answering(answers: Answers): RequestListener {
  return ({ url = '' }, response) => {
    const [body, headers] = answers[url] ?? ['', { 'content-type': 'text/plain' }]
    response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(body)
  }
}

async function preview(
  listener: RequestListener,
  {
    signal = new AbortController().signal,
    maxBytes = 100_000,
  }: { signal?: AbortSignal; maxBytes?: number } = {},
): Promise<PreviewedPage | undefined> {
  const { network } = await publicWeb(listener, { 'inside.example': [['10.0.0.1']] })
  return previewPage(URL_OF_PAGE, { read, maxBytes, signal, network })
}

const previewOf = (
  html: string | Uint8Array,
  headers?: Record<string, string>,
  more: Answers = {},
): Promise<PreviewedPage | undefined> =>
  preview(answering({ '/tea': headers === undefined ? [html] : [html, headers], ...more }))

describe('a page has no preview', () => {
  it.each([
    '',
    'text',
    '<meta name="description" content="d">',
    '<title> \n </title>',
    '<body><svg><title>x</title></svg>',
  ])('without a title: %j', async (html) => {
    expect(await previewOf(html)).toBeUndefined()
  })

  it('when it is a picture, or the reader fails', async () => {
    await expect(previewOf(PICTURE, { 'content-type': 'image/jpeg' })).rejects.toMatchObject({
      code: 'WATON_PAGE_ANSWER',
    })
    const { network } = await publicWeb(answering({ '/tea': ['<title>x</title>'] }))
    const signal = new AbortController().signal
    const broken = (): Promise<object> => Promise.reject(new UsageError('WATON_ARGUMENT', 'broken'))
    await expect(previewPage(URL_OF_PAGE, { read: broken, maxBytes: 1024, signal, network })).rejects.toThrow(
      'broken',
    )
  })
})

describe('a preview', () => {
  it('has the title and the description, on one line each, and no longer than a message takes', async () => {
    expect(await previewOf('<title>\n  Tea\u0000 &amp;\n more </title>')).toEqual({
      title: 'Tea\ufffd & more',
    })
    const long = '👋'.repeat(3000)
    const page = await previewOf(`<title>x${long}</title><meta name=description content="${long}">`)
    expect(page?.title).toBe(`x${'👋'.repeat(511)}`)
    expect(page?.description).toBe('👋'.repeat(2048))
    expect(() => prepareContent(withPreview({ text: URL_OF_PAGE }, URL_OF_PAGE, page ?? {}))).not.toThrow()
  })

  it('is read in the encoding of the page, of any type that is HTML, and up to the limit', async () => {
    const cyrillic = new Uint8Array([
      ...new TextEncoder().encode('<title>'),
      0xd7,
      0xe0,
      0xe9,
      ...new TextEncoder().encode('</title>'),
    ])
    expect(await previewOf(cyrillic, { 'content-type': 'text/html; charset=windows-1251' })).toEqual({
      title: 'Чай',
    })
    expect(await previewOf('<title>x</title>', { 'content-type': 'application/xhtml+xml' })).toEqual({
      title: 'x',
    })
    expect(await previewOf(`<title>x</title>${'y'.repeat(200_000)}`)).toEqual({ title: 'x' })
    expect(await previewOf(`${'y'.repeat(200_000)}<title>x</title>`)).toBeUndefined()
  })

  it('has the picture of the page where that can be sent as it is', async () => {
    const type = { 'content-type': 'image/jpeg' }
    const offering = (image: string): string =>
      `<title>x</title><meta property="og:image" content="${image}">`
    const pictures: Answers = {
      '/small.jpg': [PICTURE, type],
      '/large.jpg': [new Uint8Array([...PICTURE, ...new Uint8Array(65_536)]), type],
      '/png.jpg': [PICTURE, { 'content-type': 'image/png' }],
      '/text.jpg': ['<html>', type],
    }
    for (const image of [
      'small.jpg',
      '/small.jpg',
      '//page.example/small.jpg',
      'http://page.example/small.jpg',
    ])
      expect(await previewOf(offering(image), undefined, pictures), image).toEqual({
        title: 'x',
        thumbnailBytes: PICTURE,
      })
    const none = [
      ...[
        '/large.jpg',
        '/png.jpg',
        '/text.jpg',
        '/missing.jpg',
        'http://127.0.0.1/small.jpg',
        'http://inside.example/',
      ],
      ...['file:///etc/passwd', 'data:image/jpeg;base64,/9j/', ''],
    ]
    for (const image of none)
      expect(await previewOf(offering(image), undefined, pictures), image).toEqual({ title: 'x' })
  })

  it('is there without its picture when that is not there in time', async () => {
    const stop = new AbortController()
    let isAsked = false
    const page = preview(
      (request, response) => {
        if (request.url === '/tea')
          response
            .writeHead(200, { 'content-type': 'text/html' })
            .end('<title>x</title><meta property="og:image" content="/slow.jpg">')
        else isAsked = true
      },
      { signal: stop.signal },
    )
    await until('the picture to be asked for', () => isAsked)
    stop.abort()
    expect(await page).toEqual({ title: 'x' })
  })

  it('is, as a message, field by field what Baileys makes of the same', async () => {
    const html = `<title>no</title><meta property="og:title" content="Tea"><meta name="description" content="All about it"><meta property="og:image" content="/small.jpg">`
    const page = await previewOf(html, undefined, {
      '/small.jpg': [PICTURE, { 'content-type': 'image/jpeg' }],
    })
    const text = `see ${URL_OF_PAGE}, it is good`
    const prepared = prepareContent(withPreview({ text }, URL_OF_PAGE, page ?? {}))
    const context = {
      id: 'A',
      chat: '15550000002@s.whatsapp.net',
      me: '15550000001@s.whatsapp.net',
      nowMs: 1e12,
      random: seededRandom(1),
    }
    const ours = proto.Message.decode(composeMessage(prepared, context).message)
    const urlInfo = {
      'canonical-url': URL_OF_PAGE,
      'matched-text': URL_OF_PAGE,
      title: 'Tea',
      description: 'All about it',
      jpegThumbnail: Buffer.from(PICTURE),
    }
    const theirs = await generateWAMessageContent(
      { text, linkPreview: urlInfo },
      { upload: () => Promise.reject(new Error('no files here')) },
    )
    const sent = proto.Message.decode(proto.Message.encode(theirs).finish())
    const plain = (message: unknown): unknown => JSON.parse(JSON.stringify(message)) as unknown
    expect(plain(ours.extendedTextMessage)).toEqual(plain(sent.extendedTextMessage))
    expect(plain(ours.extendedTextMessage)).toHaveProperty('jpegThumbnail')
  })
})

describe('what looks at pages', () => {
  it('says what to install, at once, where the package is missing', () => {
    const missing = createRequire('/nowhere/index.js')
    expect(() => pageReader(missing)).toThrow(
      expect.objectContaining({
        code: 'WATON_PREVIEW_PACKAGE',
        message: expect.stringContaining('npm install link-preview-js') as unknown,
      }) as Error,
    )
  })

  it.each([[{ maxBytes: 0 }], [{ maxBytes: 1e9 }], [{ maxbytes: 2048 }], ['x'], [null]])(
    'refuses %j',
    (options) => {
      expect(() => linkPreviewFetcher(options as object)).toThrow(
        expect.objectContaining({ code: 'WATON_ARGUMENT' }) as Error,
      )
    },
  )

  it('opens nothing of this machine', async () => {
    const { port, ...web } = await publicWeb(() => undefined)
    const look = linkPreviewFetcher()
    const { signal } = new AbortController()
    for (const url of [
      `http://127.0.0.1:${String(port)}/`,
      `http://localhost:${String(port)}/`,
      'http://127.0.0.1/',
      'http://localhost/',
    ])
      await expect(look(url, { signal }), url).rejects.toMatchObject({ code: 'WATON_PAGE_REFUSED' })
    expect(web.connections).toBe(0)
  })
})
