// Keeps a program within this machine: what it fetches from anywhere else fails. Baileys opens the pages that its texts
// link to as soon as `link-preview-js` is installed, which it is for the tests of waton's own previews.
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
const reallyFetch = globalThis.fetch

globalThis.fetch = async (target, options) => {
  const { hostname } = new URL(target instanceof Request ? target.url : target)
  if (!LOOPBACK.test(hostname)) throw new Error(`tests open nothing of the web, and ${hostname} is of it`)
  return reallyFetch(target, options)
}
