/** Where Baileys' own modules keep their keys in a test without a socket. */
import type { SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'

/** See the file comment. */
export function memoryKeys(): SignalKeyStore {
  const rows = new Map<string, unknown>()
  return {
    get: (type, ids) =>
      Promise.resolve(
        Object.fromEntries(
          ids.flatMap((id) => (rows.has(`${type} ${id}`) ? [[id, rows.get(`${type} ${id}`)]] : [])),
        ) as Record<string, SignalDataTypeMap[typeof type]>,
      ),
    set(data) {
      for (const [type, values] of Object.entries(data))
        for (const [id, value] of Object.entries(values as object))
          if (value === null) rows.delete(`${type} ${id}`)
          else rows.set(`${type} ${id}`, value)
    },
  }
}
