include { SIMULATE                  } from './modules/simulate'
include { CHECK as CHECK_PARAMETERS } from './modules/check'
include { CHECK                     } from './modules/check'
include { PREPARE                   } from './modules/prepare'
include { GATE                      } from './modules/gate'
include { SLICE                     } from './modules/slice'
include { TRAIN                     } from './modules/train'
include { TUNE                      } from './modules/tune'
include { CHOOSE                    } from './modules/choose'
include { RECONSTRUCT               } from './modules/reconstruct'
include { MAP                       } from './modules/map'
include { SCORE                     } from './modules/score'
include { NORM                      } from './modules/norm'
include { CALIBRATE                 } from './modules/calibrate'
include { AGGREGATE                 } from './modules/aggregate'
include { EXPORT_BIDS               } from './modules/export_bids'

include { argumentsOf ; prepares                            } from './modules/arguments'
include { codeOfTools                                       } from './modules/code'
include { folders ; grouped ; groupsOf ; ungrouped          } from './modules/groups'
include { helpText                                          } from './modules/help'
include { filesOf ; metaOf ; named ; namedScan ; namedSheet } from './modules/inputs'
include { passed ; rowsOf ; stateOf                         } from './modules/inputs'
include { claim ; recordPublished ; settle                  } from './modules/outdir'
include { refuseLost ; typed                                } from './modules/parameters'
include { refuseImpossiblePlace                             } from './modules/place'
include { nextSteps ; recordRun ; sayHowItEnded             } from './modules/run'

workflow {
    schema = projectDir.resolve('nextflow_schema.json')
    options = typed(params, schema) // [input: 'samplesheet.csv', size: 128, train_only: false, …]
    if (options.help) {
        println(helpText(schema))
        return
    }
    refuseLost(params, options, schema)
    refuseImpossiblePlace(options, schema)
    tools = codeOfTools(projectDir)
    arguments = argumentsOf(options) // [train: "--channels '64,64,64' …", score: '--lowest 12 …', …]
    parameters = groovy.json.JsonOutput.toJson(options)
    opened = options.subMap('input', 'atlas', 'atlas_names')
    given = named('model', options.model) // ["--model '/data/model'", [/data/model]], or ['', []]
    embedding = named('embedding', options.embedding)
    weights = named('weights', options.weights)
    atlas = named('atlas', options.atlas)
    atlas_names = named('atlas-names', options.atlas_names)
    // What decides a task's result beside its inputs: [check: 'd41d8c…', slice: '9e107d…', …]
    state = stateOf(given[1] + weights[1])
    code = tools.collectEntries { tool, source -> [tool, tool in ['simulate', 'prepare', 'slice', 'train'] ? source.digest : source.digest + state] }
    // In the same form: ["--input '/data/samplesheet.csv'", [/data/samplesheet.csv, /data/ad0.nii.gz, …]]
    cohort = options.input ? namedSheet(options.input) : options.scan ? namedScan(options.scan, launchDir) : ['', []]

    code.check += stateOf(cohort[1])

    outdir = file(options.outdir, glob: false)
    read = [cohort, given, embedding, weights, atlas, atlas_names].collectMany { _option, files -> files }
    claimed = claim(outdir, read)
    product = outdir.resolve(options.train_only ? 'model' : 'report.html')
    advice = nextSteps(product, options, schema)
    workflow.onComplete = {
        settle(claimed, read, options.pseudonymise)
        sayHowItEnded(product, advice)
    }

    source = channel.value(cohort)
    if (options.simulate && !options.input && !options.scan) {
        CHECK_PARAMETERS(source, given, embedding, weights, atlas, atlas_names, parameters, schema, code.check)
        SIMULATE(CHECK_PARAMETERS.out.problems.map { problems -> passed(problems, opened) }, arguments.simulate, code.simulate)
        source = SIMULATE.out.cohort.map { folder -> namedSheet(folder.resolve('samplesheet.csv')) }
    }

    // Nothing starts before this has passed
    CHECK(source, given, embedding, weights, atlas, atlas_names, parameters, schema, code.check)
    checked = CHECK.out.problems.map { problems -> passed(problems, opened) }
    checked.subscribe { _passed -> recordRun(options, tools) }
    CHECK.out.warnings.subscribe { warnings -> warnings.eachLine { line -> log.warn(line) } }

    // What conf/modules.config publishes: maps/ad0/ad0_anomaly.nii.gz, split.csv, …
    published = CHECK.out.manifests.mix(CHECK.out.versions, CHECK.out.pseudonyms)

    // The sheet in its normal form, without columns that we do not know: [scan: 'ad0', subject: 's1', image: '/data/ad0.nii.gz', label: 'AD', control: 'no', …]
    rows = rowsOf(CHECK.out.rows, checked)
    // The cube that every scan is brought into, and how: [size: 128, slice_range: [0.35, 0.75], fov: 192.0, steps: [strip: 'auto', …], …]
    cube = CHECK.out.conform.map { json -> new groovy.json.JsonSlurper().parse(json) }

    samplesheet = CHECK.out.samplesheet
    skipped = CHECK.out.skipped.ifEmpty([])
    preparations = channel.value([]) // preparation.csv
    if (prepares(options)) {
        heads = rows
            .filter { row -> !options.train_only || row.split != 'test' }
            .map { row -> [metaOf(row), filesOf(row.image), row.brain ? filesOf(row.brain) : []] }
        prepared = PREPARE(heads, cube, code.prepare).prepared // [[id: 'ad0', …], prepared/ad0]
        GATE(folders(prepared), samplesheet, CHECK.out.rows, skipped, given[1], arguments.gate, code.gate)
        GATE.out.warnings.subscribe { warnings -> warnings.eachLine { line -> log.warn(line) } }
        rows = rowsOf(GATE.out.rows, GATE.out.problems.map { problems -> passed(problems, [:]) })
        samplesheet = GATE.out.samplesheet
        skipped = GATE.out.skipped.ifEmpty([])
        preparations = GATE.out.table
        published = published.mix(PREPARE.out.published, GATE.out.table)
    }
    else {
        prepared = rows.map { row -> [metaOf(row), []] }
    }
    if (options.train_only) {
        published = published.mix(skipped)
    }

    // [[id: 'ad0', subject: 's1', label: 'AD', split: 'train'], /data/ad0.nii.gz, /data/ad0_mask.nii.gz or []]
    scans = rows
        .map { row -> [metaOf(row), filesOf(row.image), row.mask ? filesOf(row.mask) : []] }
        .filter { meta, _image, _mask -> !options.train_only || meta.split != 'test' }

    SLICE(scans.join(prepared), cube, arguments.slice, code.slice) // [[id: 'ad0', …], slices/ad0]

    model = channel.value(given[1]) // model: diffusion.safetensors, embedding.safetensors, config.json
    if (!options.model) {
        learning = SLICE.out.slices // [slices/ad0, slices/cn3, …] in the order of their ids
            .filter { meta, _slices -> meta.split != 'test' }
            .collect(flat: false, sort: { one, other -> one[0].id <=> other[0].id })
            .map { pairs -> pairs.collect { _meta, slices -> slices } }
        model = TRAIN(learning, options.gpus, arguments.train, code.train).model
        published = published.mix(TRAIN.out.published)
    }

    if (!options.train_only) {
        images = scans.map { meta, image, _mask -> [meta, image] }
        settings = channel.value([]) // settings.json: {"guidance_scale": 3.0, "noise_depth": 249}, or the parameters'
        if (options.tune) {
            validation = groupsOf(scans.filter { meta, _image, _mask -> meta.split == 'val' }, options.scans_per_task)
            TUNE(
                grouped(SLICE.out.slices.filter { meta, _slices -> meta.split == 'val' }, validation),
                model,
                embedding[1],
                arguments.tune,
                code.tune,
            )
            settings = CHOOSE(TUNE.out.tables.collect(sort: { table -> table.name }), arguments.choose, code.choose).settings
            published = published.mix(CHOOSE.out.tables)
        }
        // The fused cubes that the wanted scores take and not all do: 'ensemble,perceptual', or ''
        optional_cubes = CHECK.out.cubes.map { list -> list.text.trim() }
        groups = groupsOf(scans, options.scans_per_task)
        RECONSTRUCT(
            grouped(SLICE.out.slices, groups),
            model,
            embedding[1],
            weights[1],
            settings,
            optional_cubes,
            options.debug,
            arguments.reconstruct,
            code.reconstruct,
        )

        reconstructed = SLICE.out.slices.join(ungrouped(RECONSTRUCT.out.reconstructions)) // [[id: 'ad0', …], slices/ad0, reconstructions/ad0]
        MAP(images.join(prepared).join(reconstructed), arguments.map, code.map) // [[id: 'ad0', …], mapped/ad0] and the maps themselves
        SCORE(grouped(reconstructed.join(MAP.out.mapped), groups), weights[1], arguments.score, code.score)

        // What held-out controls show, and how far each scan departs from it
        mapped = SLICE.out.slices.join(MAP.out.mapped) // [[id: 'ad0', …], slices/ad0, mapped/ad0]
        controls = rows
            .filter { row -> row.control == 'yes' }
            .map { row -> [metaOf(row)] }
            .join(mapped)
            .collect(flat: false, sort: { one, other -> one[0].id <=> other[0].id })
        NORM(
            controls.map { found -> found.collect { _meta, slices, _folder -> slices } },
            controls.map { found -> found.collect { _meta, _slices, folder -> folder } },
            arguments.norm,
            code.norm,
        )
        CALIBRATE(images.join(mapped), NORM.out.norm, [atlas[1], atlas_names[1]], arguments.calibrate, code.calibrate)

        AGGREGATE(
            SCORE.out.scores.collect(sort: { folder -> folder.name }),
            CALIBRATE.out.calibration.map { _meta, folder -> folder }.collect(sort: { folder -> folder.name }).ifEmpty([]),
            options.embedding ? [] : model,
            CHECK.out.parameters,
            samplesheet,
            skipped,
            preparations,
            folders(prepared),
            arguments.aggregate,
            code.aggregate,
        )

        maps = MAP.out.maps.mix(CALIBRATE.out.maps).flatten() // ad0_anomaly.nii.gz, ad0_zscore.nii.gz, …
        if (options.bids) {
            EXPORT_BIDS(
                maps.collect(sort: { map -> map.name }),
                AGGREGATE.out.tables,
                samplesheet,
                arguments.export_bids,
                code.export_bids,
            )
        }
        published = published.mix(
            RECONSTRUCT.out.debug,
            SCORE.out.viewer,
            CALIBRATE.out.viewer,
            AGGREGATE.out.tables,
            AGGREGATE.out.figures,
            AGGREGATE.out.pages,
            options.bids ? EXPORT_BIDS.out.dataset : maps,
        )
    }
    published.flatten().subscribe { path -> recordPublished(outdir, path) }
}
