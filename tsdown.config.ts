import { defineConfig, type UserConfig } from 'tsdown';

const config: UserConfig = defineConfig({
  entry: {
    index: 'src/index.ts',
    'testing/index': 'src/testing/index.ts',
    // For `bench/store.mjs` and `bench/placement.mjs`: no exports of the package.
    'testing/store-lab': 'src/testing/lab/store-lab.ts',
    'testing/placement-lab': 'src/testing/lab/placement-lab.ts',
    'cli/main': 'src/cli/main.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  dts: true,
  clean: true,
  fixedExtension: false,
});

export default config;
