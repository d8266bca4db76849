/** USync protocol: what people have written about themselves ("about"). */
import { contentText, node, numberAttribute } from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/** What somebody has written about themselves. */
export interface UsyncStatus {
  /** Absent when there is nothing, or when it is hidden. */
  readonly text?: string
  /** They do not show it to this account. */
  readonly isHidden: boolean
  readonly setAtSeconds?: number
}

const NOT_AUTHORIZED = '401'

/**
 * ```xml
 * <status/>
 * <status t="1700000000">Hey there!</status>
 * <status code="401"/>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `USyncStatusProtocol.js`
 */
export const STATUS: UsyncProtocol<'status', UsyncStatus> = {
  name: 'status',
  tag: 'status',
  query: () => node('status'),
  parse(element) {
    const text = contentText(element)
    const hasText = text !== undefined && text !== ''
    const setAtSeconds = numberAttribute(element, 't')
    return {
      ...(hasText ? { text } : {}),
      isHidden: !hasText && element.attrs.code === NOT_AUTHORIZED,
      ...(setAtSeconds === undefined ? {} : { setAtSeconds }),
    }
  },
}
