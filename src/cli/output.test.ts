import { describe, expect, it } from 'vitest'
import { Output, printable, wrap } from './output.ts'
import type { TextSink } from './output.ts'

function sinkOf(options: Partial<TextSink> = {}): { readonly sink: TextSink; readonly text: () => string } {
  let written = ''
  const sink: TextSink = {
    write: (text) => {
      written += text
    },
    ...options,
  }
  return { sink, text: () => written }
}

describe('printable text', () => {
  it.each([
    ['an escape sequence', 'a\u001b[2Jb'],
    ['a carriage return in a line', 'bank: ok\rbank: no'],
    ['a C1 control character', 'a\u009b31mb'],
    ['text that is turned around', 'abc\u202etxt.exe'],
  ])('does not contain %s', (_what, text) => {
    expect(printable(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u)
  })

  it('keeps line breaks, scripts and emoji', () => {
    expect(printable('héllo\r\nעולם 👋')).toBe('héllo\nעולם 👋')
  })
})

describe('wrapping', () => {
  it('leaves a word that is longer than the line in one piece', () => {
    expect(wrap(`a ${'x'.repeat(20)} b`, 10)).toEqual(['a', 'x'.repeat(20), 'b'])
  })

  it('indents what follows like the line it was broken from', () => {
    expect(wrap('  one two three', 9)).toEqual(['  one two', '  three'])
  })

  it('keeps empty lines and fills the others', () => {
    expect(wrap('one two three\n\nfour', 8)).toEqual(['one two', 'three', '', 'four'])
  })
})

describe('output', () => {
  it.each([
    ['a pipe', {}, {}],
    ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' }],
    ['FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }],
  ])('has no colours with %s', (_what, sink, environment) => {
    expect(new Output(sinkOf(sink).sink, environment).paint('good', 'ok')).toBe('ok')
  })

  it('has colours on a terminal, and in a pipe when forced', () => {
    const coloured = '\u001b[32mok\u001b[39m'
    expect(new Output(sinkOf({ isTTY: true }).sink, {}).paint('good', 'ok')).toBe(coloured)
    expect(new Output(sinkOf().sink, { FORCE_COLOR: '1' }).paint('good', 'ok')).toBe(coloured)
  })

  it('never fills more than 80 columns, however wide the terminal is', () => {
    const { sink, text } = sinkOf({ columns: 200 })
    new Output(sink, {}).line('word '.repeat(60).trim())
    expect(
      Math.max(
        ...text()
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80)
  })

  it('writes a message beside the name of who wrote it', () => {
    const output = new Output(sinkOf({ columns: 40 }).sink, {})
    expect(output.chat('Alice', 'one\ntwo', 'them')).toBe('Alice: one\n       two')
  })
})
