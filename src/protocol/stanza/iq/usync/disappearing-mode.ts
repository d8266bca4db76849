/** USync protocol: whether new chats with people begin with vanishing messages. */
import { node, numberAttribute } from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/** The default of somebody for new chats. */
export interface UsyncDisappearingMode {
  /** Messages vanish after so many seconds; 0: they stay. */
  readonly seconds: number
  readonly setAtSeconds?: number
}

/**
 * ```xml
 * <disappearing_mode/>
 * <disappearing_mode duration="86400" t="1700000000"/>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `USyncDisappearingModeProtocol.js`
 */
export const DISAPPEARING_MODE: UsyncProtocol<'disappearingMode', UsyncDisappearingMode> = {
  name: 'disappearingMode',
  tag: 'disappearing_mode',
  query: () => node('disappearing_mode'),
  parse(element) {
    const setAtSeconds = numberAttribute(element, 't')
    return {
      seconds: numberAttribute(element, 'duration') ?? 0,
      ...(setAtSeconds === undefined ? {} : { setAtSeconds }),
    }
  },
}
