import { describe, expect, it } from 'vitest'
import { commandNames, parseCommand } from './commands.ts'

describe('a command in a text', () => {
  it.each(['', ' ', 'ping', '/', '/ ping', 'say /ping', '!ping', '//'])('is not found in %j', (text) => {
    expect(parseCommand(text)).toBeUndefined()
  })

  it('ends at white space, so a longer word is another command', () => {
    expect(parseCommand('/pingme')?.command).toBe('pingme')
  })

  it('has no arguments when nothing follows', () => {
    expect(parseCommand('/ping')).toEqual({ command: 'ping', match: '', args: [] })
  })

  it('keeps the rest of the text as it was written and also cut into words', () => {
    expect(parseCommand('/echo  Good   Morning\nall ')).toEqual({
      command: 'echo',
      match: 'Good   Morning\nall',
      args: ['Good', 'Morning', 'all'],
    })
  })

  it('is found whatever its case and the white space before it', () => {
    expect(parseCommand('  /PiNG')?.command).toBe('ping')
  })

  it('is found whichever way a letter is composed', () => {
    expect(parseCommand('/caf\u00e9')?.command).toBe(parseCommand('/cafe\u0301')?.command)
  })

  it('has the prefix that the bot was given, of any length', () => {
    expect(parseCommand('bot: ping', 'bot: ')?.command).toBe('ping')
    expect(parseCommand('/ping', '!')).toBeUndefined()
  })

  it('stays cheap on a long text without white space', () => {
    expect(parseCommand('/' + 'a'.repeat(1_000_000))?.args).toEqual([])
  })
})

describe('command names', () => {
  it.each(['', ' ', '/ping', 'two words', 'ping '])('refuses %j, which could never match', (name) => {
    expect(() => commandNames(name)).toThrow(expect.objectContaining({ code: 'WATON_BOT_COMMAND_NAME' }))
  })

  it('accepts one name or several, in any script', () => {
    expect([...commandNames(['Ping', 'помощь', '帮助'])]).toEqual(['ping', 'помощь', '帮助'])
  })
})
