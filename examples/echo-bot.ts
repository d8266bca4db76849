/** A bot with what most bots need. The first run draws a QR code; later ones go on with the account in `echo.db`. */
import { Bot } from 'waton'

const bot = new Bot({ store: 'echo.db' })

// Middleware sees every event first; `next` runs what was added later.
bot.use(async (ctx, next) => {
  const startedMs = performance.now()
  await next()
  console.log(
    `${ctx.event.type} #${String(ctx.event.seq)} took ${(performance.now() - startedMs).toFixed(1)} ms`,
  )
})

bot.command('ping', (ctx) => ctx.reply('pong'))
bot.command(['echo', 'say'], (ctx) => ctx.reply(ctx.match === '' ? 'Say what?' : ctx.match))

// Here the compiler knows that `ctx.text` is a string.
bot.on('message:text').filter(
  (ctx) => ctx.text.toLowerCase().includes('thank'),
  (ctx) => ctx.reply('You are welcome.'),
)

// The event is handled again after this, so a failure that passes costs nothing; what was already sent is not sent twice.
bot.catch((error, ctx) => {
  console.error(`event #${String(ctx.event.seq)} failed:`, error)
})

await bot.start()
console.log(`Running as ${bot.me?.pn ?? 'nobody'}. Ctrl+C stops.`)
