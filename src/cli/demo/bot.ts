/** The bot of the demo: a handful of commands that show what a handler looks like. */
import type { Bot } from 'waton'

const HELP = [
  'I am a bot made with waton. I know:',
  '/ping  is anybody there?',
  '/echo <text>  say it again',
  '/whoami  what I know about you',
  '/help  this list',
].join('\n')

/** Adds the commands of the demo to a bot. It answers commands only, so it is safe on a real account. */
export function addDemoCommands(bot: Bot): void {
  bot.command('ping', (ctx) => ctx.reply('pong'))
  bot.command('echo', (ctx) => ctx.reply(ctx.match === '' ? 'Say something after /echo.' : ctx.match))
  bot.command(['help', 'start'], (ctx) => ctx.reply(HELP))
  bot.command('whoami', (ctx) => {
    const { sender, pushName } = ctx.message
    return ctx.reply(`You are ${pushName ?? 'somebody without a name'}, ${sender.pn ?? sender.jid}.`)
  })
}

/** Adds an answer for everything that is not a command. Not for a real account: it would answer everybody. */
export function addSmallTalk(bot: Bot): void {
  bot.on('message:text', (ctx) => ctx.reply(`You wrote ${String(ctx.text.length)} characters. Try /help.`))
}
