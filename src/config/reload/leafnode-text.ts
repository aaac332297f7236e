import type { CompressionOptions } from '../option-types.ts'
import { goDuration, goList, goStruct } from './go-format.ts'

/** `{s2_auto [10ms 50ms 100ms]}` */
export function compressionText({ mode, rttThresholdsMs }: CompressionOptions): string {
  return goStruct([mode, goList(rttThresholdsMs.map(goDuration))])
}
