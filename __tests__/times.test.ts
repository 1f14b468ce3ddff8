import { expect, test } from '@jest/globals';
import { formatSeconds, formatTime } from '../src/times.js';

test('a duration is shown with one decimal, and a time in whole seconds', () =>
  expect([formatSeconds(1_250), formatTime(1_790_000_060_999)]).toEqual(['1.3 s', '2026-09-21T14:14:20Z']));
