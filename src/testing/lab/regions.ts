/**
 * Round trips between ten public cloud regions, in milliseconds: averages that were published in
 * 2017 (acomputerscientistlearnsaws.blogspot.com, "AWS Regions"), rounded, made symmetric, with
 * 1 ms inside a region. The slowest routes are shorter by now, so they are on the safe side.
 */
export const REGION_NAMES: readonly string[] = [
  'us-east-1',
  'us-west-1',
  'us-west-2',
  'eu-west-1',
  'eu-central-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'sa-east-1',
];

export const REGION_ROUND_TRIPS_MS: readonly (readonly number[])[] = [
  [1, 73, 87, 81, 89, 145, 178, 217, 230, 120],
  [73, 1, 19, 153, 167, 103, 132, 174, 158, 193],
  [87, 19, 1, 137, 160, 89, 118, 161, 162, 183],
  [81, 153, 137, 1, 20, 212, 242, 239, 310, 191],
  [89, 167, 160, 20, 1, 237, 266, 326, 324, 195],
  [145, 103, 89, 212, 237, 1, 31, 74, 104, 257],
  [178, 132, 118, 242, 266, 31, 1, 72, 134, 286],
  [217, 174, 161, 239, 326, 74, 72, 1, 175, 328],
  [230, 158, 162, 310, 324, 104, 134, 175, 1, 323],
  [120, 193, 183, 191, 195, 257, 286, 328, 323, 1],
];
